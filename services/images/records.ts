import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const record = z.object({
  url: z.string(),
  at: z.number(),
  /** What was found to be right when the file came, in plain words. */
  checked: z.array(z.string()),
  /** Of the whole file, by algorithm. */
  digests: z.record(z.string(), z.string()).default({}),
  /** ETag or Last-Modified of the server, to ask whether there is a newer one. */
  validator: z.string().optional(),
});
export type FileRecord = z.output<typeof record>;

const pathOf = (dir: string, sha256: string): string => join(dir, 'records', `${sha256}.json`);

/** Where the file `dir/SHA256` came from and what was proven of it. Nothing: it was uploaded, or came before records. */
export async function readRecord(dir: string, sha256: string): Promise<FileRecord | undefined> {
  try {
    const read = record.safeParse(JSON.parse(await readFile(pathOf(dir, sha256), 'utf8')));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

export async function writeRecord(dir: string, sha256: string, value: FileRecord): Promise<void> {
  await mkdir(join(dir, 'records'), { recursive: true });
  const path = pathOf(dir, sha256);
  await writeFile(`${path}.part`, JSON.stringify(value));
  await rename(`${path}.part`, path);
}
