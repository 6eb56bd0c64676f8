import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_FILES, type AgentFile } from '#machines/contract/api/image-resource.ts';

/** What is in the folder of the agent's image, each with its digest; empty unless all of it is there. */
export async function agentFiles(dir: string): Promise<readonly AgentFile[]> {
  const files: AgentFile[] = [];
  for (const name of AGENT_FILES) {
    const path = join(dir, name);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) return [];
    files.push({ name, bytes: found.size, sha256: await digestOf(path) });
  }
  return files;
}

/**
 * Puts files that were uploaded, as `uploads/SHA256`, in the place of the agent's image: the manifest last, since until
 * then sizes and manifest do not fit together and nothing is booted. Gives why not, where one is missing or wrong.
 */
export async function placeAgentFiles(parts: {
  readonly dir: string;
  readonly uploads: string;
  readonly files: readonly Pick<AgentFile, 'name' | 'sha256'>[];
}): Promise<string | undefined> {
  const { dir, uploads, files } = parts;
  const wanted = new Map(files.map((one) => [one.name, one.sha256]));
  const missing = AGENT_FILES.find((name) => !wanted.has(name));
  if (missing !== undefined) return `${missing} is missing`;
  await mkdir(dir, { recursive: true });
  const beside = (name: string): string => join(dir, `${name}.new`);
  try {
    for (const name of AGENT_FILES) {
      const sha256 = wanted.get(name) ?? '';
      const copied = await copyFile(join(uploads, sha256), beside(name)).then(
        () => true,
        () => false,
      );
      if (!copied) return `${name}: no file with the digest ${sha256} was uploaded`;
      if ((await digestOf(beside(name))) !== sha256) return `${name}: the uploaded file is not what its name says`;
      await using file = await open(beside(name), 'r+');
      await file.sync();
    }
    for (const name of AGENT_FILES) await rename(beside(name), join(dir, name));
    return undefined;
  } finally {
    for (const name of AGENT_FILES) await rm(beside(name), { force: true });
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
