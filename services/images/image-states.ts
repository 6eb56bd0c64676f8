import type { ImageFileState, ImageState } from '#machines/contract/api/image-resource.ts';
import type { ImageAsset, ImageDocument, ProfileDocument } from '#machines/contract/documents.ts';
import type { DiskImages, ImageLibrary } from './contract.ts';

/** Worst last. */
const ORDER = [
  'ready',
  'preparing',
  'fetching',
  'waiting',
  'missing',
] as const satisfies readonly ImageState['state'][];

/** How an image stands. Looking at one of a disk begins to prepare it, so that it is ready when a job wants it. */
export async function imageState(
  image: ImageDocument,
  {
    library,
    diskImages,
    profiles,
  }: {
    readonly library: Pick<ImageLibrary, 'state' | 'checked'>;
    readonly diskImages: DiskImages;
    readonly profiles: readonly ProfileDocument[];
  },
): Promise<ImageState> {
  const files: ImageFileState[] = [];
  // One image has one disk, its first.
  const disk = image.assets.find(({ role }) => role === 'disk');
  for (const asset of image.assets) {
    files.push(await fileState(image, asset, library, asset === disk ? diskImages : undefined));
  }
  const worst = files.reduce((one, other) => (ORDER.indexOf(other.state) > ORDER.indexOf(one.state) ? other : one));
  const { state, because, progress } = worst;
  return {
    name: image.name,
    arch: image.arch,
    state,
    ...(because === undefined ? {} : { because }),
    ...(progress === undefined ? {} : { progress }),
    bytes: files.reduce((sum, file) => sum + keptBytes(file), 0),
    files,
    profiles: profiles.filter((one) => one.image === image.name).map(({ name }) => name),
    pulls: image.pulls ?? [],
  };
}

/** Files of the daemon's machine are not the data directory's; a disk that was prepared is beside its source. */
const keptBytes = ({ from, bytes = 0, sha256, disk }: ImageFileState): number =>
  (from === 'path' ? 0 : bytes) + (disk === undefined || disk.sha256 === sha256 ? 0 : disk.sentBytes);

async function fileState(
  image: ImageDocument,
  asset: ImageAsset,
  library: Pick<ImageLibrary, 'state' | 'checked'>,
  diskImages: DiskImages | undefined,
): Promise<ImageFileState> {
  const { role, path, url, sha256 } = asset;
  const base = {
    role,
    from: path === undefined ? (url === undefined ? ('upload' as const) : ('url' as const)) : ('path' as const),
    where: path ?? url ?? sha256 ?? '',
    checked: [],
  };
  const found = await library.state(image.name, asset);
  switch (found.kind) {
    case 'missing':
    case 'waiting':
      return { ...base, state: found.kind, because: found.because };
    case 'fetching': {
      const { because, bytes, size } = found;
      return { ...base, state: 'fetching', because, ...(size === undefined ? {} : { progress: share(bytes, size) }) };
    }
    case 'ready': {
      const here = {
        ...base,
        bytes: found.blob.size,
        ...(found.sha256 === undefined ? {} : { sha256: found.sha256 }),
        checked: found.sha256 === undefined || base.from !== 'url' ? [] : [...(await library.checked(found.sha256))],
      };
      return diskImages === undefined ? { ...here, state: 'ready' } : await diskState(image.name, here, diskImages);
    }
    default:
      return found satisfies never;
  }
}

async function diskState(
  image: string,
  here: Omit<ImageFileState, 'state'>,
  diskImages: DiskImages,
): Promise<ImageFileState> {
  const disk = await diskImages.get(image);
  if (disk.kind === 'missing') return { ...here, state: 'missing', because: disk.because };
  if (disk.kind === 'preparing') {
    const { because, progress } = disk;
    return { ...here, state: 'preparing', because, ...(progress === undefined ? {} : { progress }) };
  }
  const { blob, compression, sha256, rawBytes } = disk.image;
  return { ...here, state: 'ready', disk: { rawBytes, sentBytes: blob.size, sha256, compression } };
}

const share = (part: number, whole: number): number => Math.min(1, part / Math.max(1, whole));
