import type { HttpRole, TraceEvent } from '../../contract/trace.ts';
import { dhcpDone } from './dhcp-evidence.ts';
import type { Evidence } from './evidence.ts';
import type { AssetEvidence, KernelEvidence } from './kernel-evidence.ts';
import { deliver, type LoaderEvidence, sameFile, showsLife } from './loader-evidence.ts';
import { furthest } from './stage.ts';

type Asked = Extract<TraceEvent, { kind: 'http-asked' }>;
type Sent = Extract<TraceEvent, { kind: 'http-sent' }>;

export function foldHttp(before: Evidence, event: Asked | Sent): Evidence {
  const evidence = { ...before, dhcp: dhcpDone(before.dhcp) };
  const role = roleIn(before, event);
  switch (role) {
    case 'loader':
      return foldLoader(evidence, event);
    case 'script':
      return foldScriptRequest(evidence, event);
    case 'kernel':
    case 'efi':
      return foldKernel(evidence, event);
    case 'initrd':
      return foldInitrd(evidence, event);
    case 'other':
      return { ...evidence, loader: showsLife(evidence.loader, event.path, event.at) };
    default:
      return role satisfies never;
  }
}

/** Firmware can load an EFI image at once; and what we offered and do not have is a loader, whatever its path says. */
function roleIn({ script, dhcp }: Evidence, event: Asked | Sent): HttpRole {
  if (event.role === 'efi' && !script?.rendered) return 'loader';
  if (event.role !== 'other' || dhcp.client?.kind === 'ipxe') return event.role;
  return dhcp.bootFiles.some((one) => sameFile(one, event.path)) ? 'loader' : 'other';
}

const isOk = (status: number): boolean => status === 200 || status === 206;

function foldLoader(evidence: Evidence, event: Asked | Sent): Evidence {
  const { at, path: file } = event;
  const stage = furthest(evidence.stage, 'loader');
  const loaded = (loader: LoaderEvidence): Evidence => ({ ...evidence, stage, loader });
  const { loader } = evidence;
  if (event.kind === 'http-asked') {
    return loaded({ ...loader, asked: { at, file }, head: undefined, stalled: undefined });
  }
  if (event.status >= 400) {
    const because = event.because ?? `status ${event.status}`;
    return loaded({ ...loader, asked: undefined, head: undefined, refused: { at, file, because } });
  }
  if (!isOk(event.status)) return loaded({ ...loader, asked: undefined, head: undefined });
  if (event.method === 'HEAD') return loaded({ ...loader, head: loader.head ?? { at, file }, refused: undefined });
  if (event.bytes < event.size) {
    const stalled = { at, file, bytes: event.bytes, size: event.size, abort: 'it closed the connection' };
    return loaded({ ...loader, asked: undefined, head: undefined, stalled });
  }
  const toIpxe = evidence.dhcp.client?.kind === 'ipxe';
  return loaded(deliver(loader, { file, at, by: 'http', toIpxe }));
}

function foldScriptRequest(evidence: Evidence, event: Asked | Sent): Evidence {
  const { at, path } = event;
  const loader = showsLife(evidence.loader, path, at);
  if (event.kind === 'http-asked' || event.method === 'HEAD') return { ...evidence, loader };
  const script = evidence.script ?? { rendered: undefined, sentAt: undefined, failed: undefined };
  if (event.status >= 400) {
    const because = event.because ?? `status ${event.status}`;
    return { ...evidence, loader, script: { ...script, failed: { at, path, because } } };
  }
  if (event.bytes < event.size) return { ...evidence, loader };
  return { ...evidence, loader, script: { ...script, sentAt: at, failed: undefined } };
}

function foldKernel(evidence: Evidence, event: Asked | Sent): Evidence {
  if (event.kind === 'http-sent' && event.method === 'HEAD') return evidence;
  const kernel = foldAsset(evidence.kernel.kernel, event);
  const got = kernel.asked !== undefined || kernel.whole !== undefined || kernel.broken !== undefined;
  return {
    ...evidence,
    stage: furthest(evidence.stage, got ? 'kernel' : 'script'),
    loader: showsLife(evidence.loader, event.path, event.at),
    kernel: { ...evidence.kernel, kernel },
  };
}

/** As many as an image may have. */
const MAX_INITRDS = 32;

function foldInitrd(evidence: Evidence, event: Asked | Sent): Evidence {
  if (event.kind === 'http-sent' && event.method === 'HEAD') return evidence;
  const { initrds = [] } = evidence.kernel;
  const index = initrds.findIndex(({ path }) => path === event.path);
  if (index < 0 && initrds.length >= MAX_INITRDS) return evidence;
  const asset = foldAsset(initrds[index], event);
  const kernel: KernelEvidence = {
    ...evidence.kernel,
    initrds: index < 0 ? [...initrds, asset] : initrds.with(index, asset),
  };
  const got = asset.asked !== undefined || asset.whole !== undefined || asset.broken !== undefined;
  return { ...evidence, stage: got ? furthest(evidence.stage, 'initrd') : evidence.stage, kernel };
}

function foldAsset(before: AssetEvidence | undefined, event: Asked | Sent): AssetEvidence {
  const { at, path } = event;
  const asset = before ?? { path, asked: undefined, whole: undefined, broken: undefined, failed: undefined };
  if (event.kind === 'http-asked') return { ...asset, asked: at };
  const done = { ...asset, asked: undefined };
  if (event.status >= 400) {
    const failed = { at, status: event.status, because: event.because ?? `status ${event.status}` };
    return asset.whole === undefined ? { ...done, failed } : done;
  }
  if (!isOk(event.status)) return done;
  // Who had it whole once may stop a second download.
  if (event.bytes < event.size) {
    return asset.whole === undefined ? { ...done, broken: { at, bytes: event.bytes, size: event.size } } : done;
  }
  return { ...done, whole: asset.whole ?? at, broken: undefined, failed: undefined };
}
