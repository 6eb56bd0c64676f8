import type { Inventory } from '../../../contract/inventory.ts';
import type { SmbiosProcessor } from '../wire/smbios.ts';
import { lineOf, nameOf } from './clean-text.ts';

type Processor = Inventory['processors'][number];

/** A thread as the kernel has it: one entry of `/proc/cpuinfo`, and its place in the topology. */
export type KernelThread = {
  readonly package: string;
  readonly core: string;
  readonly model?: string | undefined;
  readonly vendor?: string | undefined;
  readonly maxMhz?: number | undefined;
};

/** The entries of `/proc/cpuinfo`, each by its keys; on Arm there are few of them. */
export function readCpuInfo(text: string): readonly ReadonlyMap<string, string>[] {
  return text
    .split(/\n\s*\n/)
    .map(
      (block) =>
        new Map(
          block.split('\n').flatMap((line): [string, string][] => {
            const colon = line.indexOf(':');
            return colon < 0 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
          }),
        ),
    )
    .filter((entry) => entry.has('processor'));
}

const VENDORS: Readonly<Record<string, string>> = {
  GenuineIntel: 'Intel',
  AuthenticAMD: 'AMD',
  HygonGenuine: 'Hygon',
  CentaurHauls: 'VIA',
  '0x41': 'Arm',
  '0x43': 'Cavium',
  '0xc0': 'Ampere',
  '0x48': 'HiSilicon',
  '0x4e': 'NVIDIA',
};

/**
 * One line for each socket. The kernel counts what runs; the board knows the socket's name, and what neither shows of a
 * processor that the kernel does not use. Where both have the same number of processors they are joined in order.
 */
export function joinProcessors(
  threads: readonly KernelThread[],
  board: readonly SmbiosProcessor[],
): readonly Processor[] {
  const packages = [...Map.groupBy(threads, (thread) => thread.package)].toSorted(([a], [b]) => Number(a) - Number(b));
  if (packages.length === 0) return board.slice(0, 1024).map(fromBoard);
  return packages.slice(0, 1024).map(([, of], index) => {
    const [first] = of;
    const socket = packages.length === board.length ? board[index] : undefined;
    const vendor = first?.vendor === undefined ? undefined : (VENDORS[first.vendor] ?? lineOf(first.vendor));
    return {
      ...(socket && fromBoard(socket)),
      ...(first?.model === undefined ? {} : { model: tidyModel(first.model) }),
      ...(vendor === undefined ? {} : { vendor }),
      cores: new Set(of.map(({ core }) => core)).size,
      threads: of.length,
      ...(first?.maxMhz === undefined ? {} : { maxMhz: first.maxMhz }),
    };
  });
}

function fromBoard({ socket, manufacturer, version, maxMhz, cores, threads }: SmbiosProcessor): Processor {
  const model = nameOf(version);
  const vendor = nameOf(manufacturer);
  const name = nameOf(socket);
  return {
    ...(name === undefined ? {} : { socket: name }),
    ...(model === undefined ? {} : { model: tidyModel(model) }),
    ...(vendor === undefined ? {} : { vendor: vendor.replace(/\(R\)| Corporation/g, '') }),
    ...(cores === undefined ? {} : { cores }),
    ...(threads === undefined ? {} : { threads }),
    ...(maxMhz === undefined ? {} : { maxMhz }),
  };
}

/** `Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz` is read as `Intel Xeon Gold 6338`. */
const tidyModel = (model: string): string =>
  lineOf(model.replace(/\((?:R|TM|tm)\)/g, '').replace(/ (?:CPU|Processor)?\s*@ [\d.]+ ?GHz$/, '')) ?? model;
