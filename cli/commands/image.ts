import { EXIT } from '#machines/contract/exit-status.ts';
import type { ImageState } from '#machines/contract/api/image-resource.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { diskSize } from '#machines/values/size.ts';
import { confirm } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { showListOf } from '../output/watched-list.ts';
import { paint, say, type Terminal } from '../terminal.ts';

const STYLES = { ready: 'green', preparing: 'blue', fetching: 'blue', waiting: 'yellow', missing: 'red' } as const;

export async function listImages(
  term: Terminal,
  daemon: Daemon,
  options: { readonly output: Format; readonly watch?: boolean },
): Promise<void> {
  await showListOf<ImageState>(
    term,
    daemon,
    {
      read: async () => (await daemon.ask('listImageStates')).value.items,
      kinds: ['document'],
      // How far a file has come is no document.
      everyMs: 2000,
      columns: () => [
        { title: 'NAME', of: ({ name }) => name },
        { title: 'ARCH', of: ({ arch }) => arch },
        { title: 'FILES', of: ({ files }) => files.map(({ role }) => role).join(',') },
        { title: 'STATE', of: stateText, style: ({ state }) => STYLES[state] },
        { title: 'SIZE', of: ({ files }) => sizeText(files.map(({ bytes }) => bytes)) },
        { title: 'DISK', of: ({ files }) => sizeText(files.map(({ disk }) => disk?.rawBytes)) },
        { title: 'SHA256', of: ({ files }) => files.map(({ sha256 = '-' }) => sha256.slice(0, 12)).join(',') },
        { title: 'PROFILES', of: ({ profiles }) => profiles.join(',') },
        { title: '', of: ({ because }) => because },
      ],
      nameOf: ({ name }) => name,
      none: ['there is no image', '  next: ingot image catalog, or ingot image add NAME FILE'],
    },
    options,
  );
}

const stateText = ({ state, progress }: ImageState): string =>
  progress === undefined ? state : `${state} ${Math.floor(progress * 100)} %`;

function sizeText(sizes: readonly (number | undefined)[]): string {
  const known = sizes.flatMap((size) => size ?? []);
  return known.length === 0 ? '' : diskSize(known.reduce((sum, size) => sum + size, 0));
}

/** Reads every file to its end. Fails if one is missing or not what it should be. */
export async function verifyImages(
  term: Terminal,
  daemon: Daemon,
  names: readonly string[],
  output: Format,
): Promise<number> {
  const images = await statesOf(daemon, names);
  const read = [];
  for (const { name, files } of images) {
    for (const [index, { role, where, checked }] of files.entries()) {
      const { value } = await daemon.ask('verifyImageFile', { params: { name, index: String(index) } });
      read.push({ image: name, role, where, ...value, checked });
      if (output !== 'table') continue;
      const style = value.kind === 'right' ? 'green' : 'red';
      say(term, `${escaped(name)} ${role}: ${paint(term, style, value.kind)}  ${escaped(value.text)}`);
      for (const text of checked) say(term, `  when it came: ${escaped(text)}`);
    }
  }
  if (output !== 'table') printDocuments(term, output, read);
  return read.every(({ kind }) => kind === 'right') ? EXIT.done : EXIT.failed;
}

/** All of them, where none is named. */
export async function statesOf(daemon: Daemon, names: readonly string[]): Promise<readonly ImageState[]> {
  if (names.length === 0) return (await daemon.ask('listImageStates')).value.items;
  const states: ImageState[] = [];
  for (const name of names) states.push((await daemon.ask('getImageState', { params: { name } })).value);
  return states;
}

export async function removeImages(term: Terminal, daemon: Daemon, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await daemon.ask('removeImage', { params: { name } });
    say(term, `image ${escaped(name)} removed`);
  }
  say(term, '  its files stay until: ingot image clean');
}

export type CleanOptions = { readonly dryRun?: boolean; readonly yes?: boolean; readonly output: Format };

/** What no image names is listed, and removed when somebody says so. */
export async function cleanImages(term: Terminal, daemon: Daemon, options: CleanOptions): Promise<void> {
  const { value: found } = await daemon.ask('collectImageGarbage', { body: { remove: false } });
  const { items, bytes } = found;
  if (options.output === 'table') {
    const columns: readonly Column<(typeof items)[number]>[] = [
      { title: 'FILE', of: ({ file }) => file },
      { title: 'SIZE', of: ({ bytes: size }) => diskSize(size) },
      { title: 'WHY', of: ({ because }) => because },
    ];
    if (items.length > 0) say(term, ...table(term, columns, items));
    say(term, items.length === 0 ? 'every file is of some image' : `${items.length} files, ${diskSize(bytes)}`);
  }
  if (options.dryRun === true || items.length === 0) {
    if (options.output !== 'table') printDocuments(term, options.output, found);
    return;
  }
  await confirm(term, `Remove ${items.length} files?`, options.yes);
  const { value: removed } = await daemon.ask('collectImageGarbage', { body: { remove: true } });
  if (options.output !== 'table') return printDocuments(term, options.output, removed);
  say(term, `${removed.items.length} files removed, ${diskSize(removed.bytes)}`);
}
