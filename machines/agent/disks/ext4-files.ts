import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Disk, Disks } from './disk.ts';

export type PlacedFile = { readonly path: string; readonly content: Uint8Array; readonly mode: number };

/**
 * Puts files into an ext4 file system that begins at byte `offset` of an open disk, and reads them back. By e2fsprogs'
 * debugfs, through the disk's own descriptor: the kernel mounts nothing, so that an image's file system need not be
 * trusted, and nothing but this very disk can be meant. Rejects with a plain reason.
 */
export async function putExt4Files(parts: {
  readonly disk: Pick<Disk, 'device' | 'name'>;
  readonly offset: number;
  readonly files: readonly PlacedFile[];
  readonly disks: Pick<Disks, 'run'>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { disk, offset, files, disks, signal } = parts;
  const volume = `${disk.device}?offset=${offset}`;
  const folder = await mkdtemp(join(tmpdir(), 'ingot-seed-'));
  try {
    const lines: string[] = [];
    const made = new Set<string>();
    for (const [index, { path, content, mode }] of files.entries()) {
      await writeFile(join(folder, `${index}`), content, { mode: 0o600 });
      const names = path.split('/');
      const name = names.pop() ?? '';
      let at = '';
      for (const one of names) {
        // That it is there already is said and does not matter.
        if (!made.has(`${at}/${one}`)) lines.push(`mkdir ${at}/${one}`);
        at = `${at}/${one}`;
        made.add(at);
      }
      lines.push(`cd ${at === '' ? '/' : at}`, `rm ${name}`, `write ${join(folder, `${index}`)} ${name}`);
      for (const [field, value] of [
        ['mode', `0100${mode.toString(8).padStart(3, '0')}`],
        ['uid', '0'],
        ['gid', '0'],
      ]) {
        lines.push(`set_inode_field ${name} ${field} ${value}`);
      }
    }
    await writeFile(join(folder, 'commands'), `${lines.join('\n')}\n`);
    const done = await disks.run('debugfs', ['-w', '-f', join(folder, 'commands'), volume], signal);
    if (done.status !== 0) throw new Error(`debugfs: status ${done.status}: ${lastLine(done.stderr)}`);
    // It ends with status 0 whatever became of its commands: only what is read back counts.
    for (const [index, { path, content }] of files.entries()) {
      const back = join(folder, `${index}.back`);
      await disks.run('debugfs', ['-R', `dump /${path} ${back}`, volume], signal);
      const read = await readFile(back).catch(() => undefined);
      if (!read?.equals(content)) {
        throw new Error(
          `${path} could not be written into the file system: ${lastLine(done.stderr) || 'it reads otherwise'}`,
        );
      }
    }
  } finally {
    // Secrets may be among them.
    await rm(folder, { recursive: true });
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
