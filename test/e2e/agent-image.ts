import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent } from '../../deploy/agent/bundle.ts';
import type { Variant } from '../../deploy/agent/contents.ts';
import type { Manifest } from '../../deploy/agent/manifest.ts';
import { CACHE } from '#test/lab/cache.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
/** Where the builder keeps what it downloads. */
export const BUILDER_CACHE = join(CACHE, 'agent-image');
/** What decides, beside the agent's program, what an image is. */
const INPUT_FOLDERS = ['deploy/agent', 'services/images/wire', 'machines/api/proto'];
/** Fast, and a quarter larger than what is shipped. */
const LEVEL = 3;
const KEPT_IMAGES = 6;

export type AgentImage = {
  readonly vmlinuz: string;
  readonly initrd: string;
  readonly manifest: Manifest;
  /** What the builder said; empty when the image was there already. */
  readonly said: string;
};

/**
 * The agent's image in the test cache, built by the command when nothing it is made of has been built before. Newer
 * packages of Debian alone are no reason to build it again.
 */
export async function agentImage(options: {
  readonly variant: Variant;
  /** Default: the agent. */
  readonly entry?: string;
}): Promise<AgentImage> {
  const entry = options.entry ?? join(ROOT, 'machines/agent/main.ts');
  const hash = createHash('sha256').update(JSON.stringify([options.variant, process.version, LEVEL]));
  hash.update(await bundleAgent({ entry, root: ROOT }));
  for (const folder of INPUT_FOLDERS) {
    for (const name of readdirSync(join(ROOT, folder)).sort())
      hash.update(name).update(readFileSync(join(ROOT, folder, name)));
  }
  const images = join(CACHE, 'agent-images');
  const out = join(images, hash.digest('hex').slice(0, 16));
  const said = existsSync(join(out, 'manifest.json')) ? '' : build(options.variant, entry, out);
  const manifest: Manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
  return { vmlinuz: join(out, 'vmlinuz'), initrd: join(out, 'initrd.zst'), manifest, said };
}

function build(variant: Variant, entry: string, out: string): string {
  forgetOldImages(join(out, '..'));
  mkdirSync(BUILDER_CACHE, { recursive: true });
  const command = [process.execPath, join(ROOT, 'deploy/agent/main.ts'), '--variant', variant, '--entry', entry];
  // One builder at a time reads the lists of packages.
  const { status, stdout, stderr, error } = spawnSync(
    'flock',
    [join(BUILDER_CACHE, 'lock'), ...command, '--level', String(LEVEL), '--out', out, '--cache', BUILDER_CACHE],
    { encoding: 'utf8', timeout: 600_000 },
  );
  if (status !== 0) throw new Error(`the agent's image was not built:\n${stderr}`, { cause: error });
  return stdout;
}

/** Each change of the agent makes another image. */
function forgetOldImages(folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const byAge = names.map((name) => ({ name, built: builtAt(join(folder, name)) })).sort((a, b) => b.built - a.built);
  for (const { name } of byAge.slice(KEPT_IMAGES)) rmSync(join(folder, name), { recursive: true, force: true });
}

function builtAt(folder: string): number {
  return statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
