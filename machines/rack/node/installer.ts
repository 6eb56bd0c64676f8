import { gunzipSync } from 'node:zlib';
import { httpRead } from '../firmware/http-client.ts';
import type { NodeBoot } from './nodes.ts';
import { disksOf, type ThinDisks } from './thin-disks.ts';

/** Where the kernel of a network installer is told to read its answers; each system has a word of its own. */
const ANSWERS = /(?:^|[ ;])(?:url|inst\.ks|s|ignition\.config\.url|apkovl)=(http:\/\/\S+\/m\/\S+)/;

/** Whether a kernel with this command line is a network installer’s. */
export const isInstaller = (commandLine: string): boolean => ANSWERS.test(commandLine);

/**
 * A network installer as far as the daemon can tell: it reads its answers by the token in its command line, looks for
 * the disk that they name among the machine's own, writes that one, says that it has, and restarts. It waits for a
 * person where there is no such disk, or no answer, as real ones do.
 */
export async function runInstaller(
  { spec, commandLine, address, print }: NodeBoot,
  disks: ThinDisks,
  signal: AbortSignal,
): Promise<'reboot'> {
  const base = ANSWERS.exec(commandLine)?.[1] ?? '';
  const url = base.endsWith('/') ? `${base}user-data` : base;
  const ask = { local: address, userAgent: 'simulated-installer', discard: false, signal } as const;
  const { status, bytes } = await httpRead({ ...ask, url, method: 'GET' });
  if (status !== 200) return await stands(`the answers are refused: status ${status}`, print, signal);
  const { names, size, report } = readAnswers(bytes);
  const found = disksOf(spec).filter(
    (disk) => disk.bytes === size && names.length > 0 && names.every((one) => one === disk.serial || one === disk.wwn),
  );
  const [disk] = found;
  if (!disk || found.length > 1) return await stands(`the planned disk was found ${found.length} times`, print, signal);
  {
    await using target = await disks.attach(signal).open(disk.name);
    const sector = new Uint8Array(512);
    sector.set([0x55, 0xaa], 510);
    await target.write(sector, 0);
    await target.sync();
  }
  print(`Installed on ${disk.name} (${disk.serial})`);
  await httpRead({ ...ask, url: report, method: 'POST' });
  return 'reboot';
}

/** What every kind of answers has in it: the words of the shell that looks for the disk, and where to report. */
function readAnswers(bytes: Uint8Array): {
  readonly names: readonly string[];
  readonly size: number;
  readonly report: string;
} {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  const written = new TextDecoder().decode(plain);
  // An Ignition config holds its files in URLs.
  const text = written.startsWith('{') ? decodeURIComponent(written) : written;
  return {
    names: [...text.matchAll(/\| has \\?"([^"\\]+)\\?"/g)].map(([, name = '']) => name),
    size: Number(/\* 512 \)\)\\?" = \\?"(\d+)\\?"/.exec(text)?.[1] ?? Number.NaN),
    report: /http:\/\/[^\s"\\]+\/report\/[\w-]+/.exec(text)?.[0] ?? '',
  };
}

async function stands(because: string, print: NodeBoot['print'], signal: AbortSignal): Promise<never> {
  print(`The installer stops: ${because}`);
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  signal.throwIfAborted();
  return await promise;
}
