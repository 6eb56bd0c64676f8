import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianMirrors, openPackageSource } from './apt.ts';
import { USAGE, parseCommandLine } from './command-line.ts';
import { PROCESSORS } from './contents.ts';
import { buildAgentImage } from './image.ts';
import { nodeFor } from './node-runtime.ts';
import { summary } from './summary.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const begun = performance.now();
const options = parseCommandLine(process.argv.slice(2));
if (options.kind === 'help') {
  console.log(USAGE);
  process.exit(0);
}
if (options.kind === 'wrong') {
  console.error(`${options.because}\n${USAGE}`);
  process.exit(2);
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(`The agent's image is built on Linux on x86_64: got ${process.platform} ${process.arch}.`);
  process.exit(2);
}
const cache = resolve(options.cache ?? join(root, '.cache/agent-image'));
mkdirSync(cache, { recursive: true });
const { architecture } = options;
const sourceFor = (debian: 'amd64' | 'arm64') =>
  openPackageSource({
    folder: cache,
    mirrors: debianMirrors({ archive: options.mirror, security: options.securityMirror }),
    snapshot: options.snapshot,
    architecture: debian,
  });
try {
  const builder = sourceFor('amd64');
  const manifest = await buildAgentImage({
    variant: options.variant,
    architecture,
    entry: resolve(options.entry ?? join(root, 'machines/agent/main.ts')),
    root,
    node: nodeFor({ architecture, file: options.node, root, cache }),
    source: architecture === 'x86_64' ? builder : sourceFor(PROCESSORS[architecture].debian),
    builder,
    ...(options.firmware === undefined ? {} : { firmware: resolve(options.firmware) }),
    level: options.level,
    out: resolve(options.out ?? join(root, 'data/agent', architecture)),
    cache,
    say: (text) => console.error(text),
  });
  console.log(summary(manifest, { seconds: (performance.now() - begun) / 1000 }));
} catch (error) {
  // A mirror that does not answer, a package that is not there, a program that does not bundle: the message says it all.
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
