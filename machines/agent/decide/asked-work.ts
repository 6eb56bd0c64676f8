import type { OperateRequest, PlannedDisk } from '../../api/messages/agent.ts';
import { WIPE_METHODS, type WipeMethod } from '../../contract/job.ts';
import type { AfterImage } from '../disks/decide/after-image.ts';
import { afterImageOf } from './asked-after-image.ts';

/** A disk as a plan names it. */
export type AskedDisk = {
  readonly name: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly bytes: number;
  readonly signatures: readonly string[];
};

export type AskedWork =
  | {
      readonly kind: 'wipe';
      readonly targets: readonly {
        readonly disk: AskedDisk;
        readonly method: 'best' | WipeMethod;
        readonly seed: number;
      }[];
    }
  | {
      readonly kind: 'write-image';
      readonly disk: AskedDisk;
      readonly path: string;
      readonly source: { readonly compression: 'none' | 'zstd'; readonly sha256: string; readonly rawBytes: number };
      readonly after: AfterImage;
    };

type Result = { readonly ok: true; readonly work: AskedWork } | { readonly ok: false; readonly because: string };

const refused = (because: string): Result => ({ ok: false, because });

/** Reads a request for work strictly: with anything missing or odd in it, no disk is opened. */
export function workOf(request: OperateRequest): Result {
  if (!/^[\w.:-]{1,128}$/.test(request.id)) return refused(`the id is ${JSON.stringify(request.id)}`);
  const { wipe, write_image: image } = request;
  if (wipe && image) return refused('want one work, not two');
  if (wipe) {
    if (wipe.targets.length === 0) return refused('there is no disk to wipe');
    const targets: Extract<AskedWork, { readonly kind: 'wipe' }>['targets'][number][] = [];
    const names = new Set<string>();
    for (const { disk: named, method, seed } of wipe.targets) {
      const disk = diskOf(named);
      if (typeof disk === 'string') return refused(disk);
      if (names.has(disk.name)) return refused(`${disk.name} is there twice`);
      names.add(disk.name);
      const way = method === 'best' ? method : WIPE_METHODS.find((one) => one === method);
      if (way === undefined) return refused(`${disk.name}: no method ${JSON.stringify(method)}`);
      targets.push({ disk, method: way, seed });
    }
    return { ok: true, work: { kind: 'wipe', targets } };
  }
  if (!image) return refused('there is no work that this agent knows');
  const disk = diskOf(image.disk);
  if (typeof disk === 'string') return refused(disk);
  const { path, compression, sha256 } = image;
  const rawBytes = Number(image.raw_bytes);
  if (!/^\/(?!\/)/.test(path)) return refused(`the path is ${JSON.stringify(path)}`);
  if (compression !== 'none' && compression !== 'zstd') return refused(`no compression ${JSON.stringify(compression)}`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) return refused(`the digest is ${JSON.stringify(sha256)}`);
  if (!Number.isSafeInteger(rawBytes) || rawBytes <= 0) return refused(`the image has ${image.raw_bytes} bytes`);
  const after = afterImageOf(image);
  if (typeof after === 'string') return refused(after);
  return { ok: true, work: { kind: 'write-image', disk, path, source: { compression, sha256, rawBytes }, after } };
}

function diskOf(disk: PlannedDisk | null): AskedDisk | string {
  if (!disk) return 'there is work without a disk';
  const { name, serial, wwn, signatures } = disk;
  const bytes = Number(disk.bytes);
  // It becomes a path under /dev; some drivers' names hold a slash, which the kernel writes as an exclamation mark.
  if (!/^[A-Za-z0-9][\w!-]{0,63}$/.test(name)) return `the disk is named ${JSON.stringify(name)}`;
  if (!Number.isSafeInteger(bytes) || bytes <= 0) return `${name} has ${disk.bytes} bytes`;
  return {
    name,
    bytes,
    signatures,
    ...(serial === undefined ? {} : { serial }),
    ...(wwn === undefined ? {} : { wwn }),
  };
}
