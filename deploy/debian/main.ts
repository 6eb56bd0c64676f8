import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildDebianPackage } from './package.ts';

// `npm run deb`: one Debian package of this checkout, for the architecture that it is built on.
const root = fileURLToPath(new URL('../../', import.meta.url));
const begun = performance.now();
const { values } = parseArgs({
  options: { out: { type: 'string', default: join(root, 'data/packages') }, version: { type: 'string' } },
});
if (process.platform !== 'linux') {
  console.error('A Debian package is built on Linux: it holds the runtime that builds it.');
  process.exit(2);
}
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
try {
  const built = await buildDebianPackage({
    root,
    out,
    ...(values.version === undefined ? {} : { version: values.version }),
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `${built.path}: ${(built.bytes / 1e6).toFixed(1)} MB, ${(built.installedBytes / 1e6).toFixed(0)} MB installed, ${seconds} s`,
  );
  console.log(`sha256 ${built.sha256}`);
  if (!built.hasPage) console.log('without the web page: npm run web:build makes it');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
