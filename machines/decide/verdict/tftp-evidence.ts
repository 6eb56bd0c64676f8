import type { TraceEvent } from '../../contract/trace.ts';
import { resolveBootPath } from '../boot-path.ts';
import { dhcpDone } from './dhcp-evidence.ts';
import type { Evidence } from './evidence.ts';
import { deliver, type LoaderEvidence, sameFile, showsLife } from './loader-evidence.ts';
import { furthest } from './stage.ts';

type TftpEvent = Extract<TraceEvent, { kind: `tftp-${string}` }>;

export function foldTftp(evidence: Evidence, event: TftpEvent): Evidence {
  if (isScript(evidence, event.file)) return foldScriptFile(evidence, event);
  const { loader, dhcp } = evidence;
  const { at, file } = event;
  const isLoader = isBootFile(evidence, file);
  switch (event.kind) {
    case 'tftp-asked':
      return {
        ...evidence,
        stage: furthest(evidence.stage, 'loader'),
        dhcp: dhcpDone(dhcp),
        loader: { ...showsLife(loader, file, at), asked: { at, file }, stalled: undefined },
      };
    case 'tftp-sent': {
      const sent = [...loader.sent.slice(-15), file];
      if (!isLoader) return { ...evidence, loader: { ...ended(loader, file), sent } };
      const toIpxe = dhcp.client?.kind === 'ipxe';
      return { ...evidence, loader: { ...deliver(loader, { file, at, by: 'tftp', toIpxe }), sent } };
    }
    case 'tftp-aborted': {
      // Asking only for the size, or a client that has the file and says so late: nothing is wrong.
      if (event.probe || loader.sent.includes(file)) return { ...evidence, loader: ended(loader, file) };
      const stalled = { at, file, bytes: event.bytes, size: undefined, abort: event.text };
      return { ...evidence, loader: { ...ended(loader, file), stalled } };
    }
    case 'tftp-timeout': {
      // The last ACK, or the abort after asking for the size, can be lost: then the client has what it wanted. And
      // while it asks anew, the end of an older transfer tells nothing.
      const askedAnew = loader.asked && sameFile(loader.asked.file, file) && loader.asked.at > at - event.ms + 500;
      if (loader.sent.includes(file) || askedAnew) return evidence;
      const stalled = { at, file, bytes: event.bytes, size: event.size, abort: undefined };
      return { ...evidence, loader: { ...ended(loader, file), stalled } };
    }
    case 'tftp-refused': {
      const done = showsLife(ended(loader, file), file, at);
      const { because } = event;
      if (dhcp.bootFiles.some((one) => sameFile(one, file))) {
        return { ...evidence, loader: { ...done, refused: { at, file, because } } };
      }
      const absentSince = loader.absent.length === 0 ? at : loader.absentSince;
      return { ...evidence, loader: { ...done, absent: [...loader.absent.slice(-7), file], absentSince } };
    }
    default:
      return event satisfies never;
  }
}

const isScript = ({ dhcp }: Evidence, file: string): boolean =>
  ['script', 'grub'].includes(resolveBootPath(file).kind) ||
  (dhcp.client?.kind === 'ipxe' && sameFile(file, lastOf(dhcp.bootFiles)) && !resolvesToLoader(file));

const resolvesToLoader = (file: string): boolean => resolveBootPath(file).kind === 'loader';

const lastOf = (files: readonly string[]): string => files.at(-1) ?? '\0';

/** Is it the program that the firmware was told to load? A Raspberry Pi loads many files, and none was named to it. */
function isBootFile({ dhcp }: Evidence, file: string): boolean {
  if (dhcp.client?.kind === 'raspberry-pi') return false;
  if (resolvesToLoader(file)) return true;
  return dhcp.client?.kind !== 'ipxe' && dhcp.bootFiles.some((one) => sameFile(one, file));
}

/** The newest request has ended one way or another. */
const ended = (loader: LoaderEvidence, file: string): LoaderEvidence =>
  loader.asked && sameFile(loader.asked.file, file) ? { ...loader, asked: undefined } : loader;

/** An iPXE that has no HTTP reads its script over TFTP. */
function foldScriptFile(evidence: Evidence, event: TftpEvent): Evidence {
  const { script } = evidence;
  const { at } = event;
  switch (event.kind) {
    case 'tftp-asked':
      return { ...evidence, dhcp: dhcpDone(evidence.dhcp), loader: showsLife(evidence.loader, event.file, at) };
    case 'tftp-sent':
      return script ? { ...evidence, script: { ...script, sentAt: at, failed: undefined } } : evidence;
    case 'tftp-refused': {
      const failed = { at, path: event.file, because: event.because };
      return { ...evidence, script: { rendered: undefined, sentAt: undefined, ...script, failed } };
    }
    case 'tftp-timeout':
    case 'tftp-aborted': {
      if (script?.sentAt !== undefined || (event.kind === 'tftp-aborted' && event.probe)) return evidence;
      const because = `only ${event.bytes} bytes of it could be sent`;
      const failed = { at, path: event.file, because };
      return { ...evidence, script: { rendered: undefined, sentAt: undefined, ...script, failed } };
    }
    default:
      return event satisfies never;
  }
}
