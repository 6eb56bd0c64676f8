import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ID = 'simulated';

/**
 * Writes what stands for the agent's image where nothing but simulated firmware will ever load it: a few bytes and a
 * manifest that says so. The rack runs the agent itself. A real image in that place is left alone.
 */
export async function writeSimulatedAgentImage(dataDir: string): Promise<void> {
  const dir = join(dataDir, 'agent', 'x86_64');
  const manifestPath = join(dir, 'manifest.json');
  if (await isReal(manifestPath)) return;
  await mkdir(dir, { recursive: true });
  const outputs = await Promise.all(
    ['vmlinuz', 'initrd.zst'].map(async (name) => {
      const content = `Ingot: ${name} of a simulated agent, no real machine can boot it\n`;
      await writeFile(join(dir, name), content);
      return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    }),
  );
  const manifest = { format: 1, id: ID, architecture: 'x86_64', commandLine: 'console=ttyS0', outputs };
  await writeFile(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`);
}

async function isReal(manifestPath: string): Promise<boolean> {
  try {
    return !(await readFile(manifestPath, 'utf8')).includes(`"id": "${ID}"`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
