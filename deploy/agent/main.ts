import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianMirrors, openPackageSource } from './apt.ts';
import { USAGE, parseCommandLine } from './command-line.ts';
import { buildAgentImage } from './image.ts';
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
  console.error(
    `The agent's image is for x86_64 and holds the Node that builds it: got ${process.platform} ${process.arch}.`,
  );
  process.exit(2);
}
const cache = resolve(options.cache ?? join(root, '.cache/agent-image'));
mkdirSync(cache, { recursive: true });
try {
  const manifest = await buildAgentImage({
    variant: options.variant,
    entry: resolve(options.entry ?? join(root, 'machines/agent/main.ts')),
    root,
    node: { path: process.execPath, version: process.version },
    source: openPackageSource({
      folder: cache,
      mirrors: debianMirrors({ archive: options.mirror, security: options.securityMirror }),
      snapshot: options.snapshot,
    }),
    ...(options.firmware === undefined ? {} : { firmware: resolve(options.firmware) }),
    level: options.level,
    out: resolve(options.out ?? join(root, 'data/agent/x86_64')),
    cache,
    say: (text) => console.error(text),
  });
  console.log(summary(manifest, { seconds: (performance.now() - begun) / 1000 }));
} catch (error) {
  // A mirror that does not answer, a package that is not there, a program that does not bundle: the message says it all.
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
