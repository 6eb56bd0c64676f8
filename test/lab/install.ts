// Gives this machine what the tests above the fast tier need. Run by test/run.ts, as root; may be run by hand.
// Says what it does in one line, and each package that could not be had in one more.
import { existsSync } from 'node:fs';
import { installPackages, isInstalled, unpackPackage, updateLists } from './apt.ts';
import { unpackedFolder } from './cache.ts';
import { FOREIGN_PACKAGES, INSTALLED_PACKAGES, UNPACKED_PACKAGES } from './packages.ts';
import { withoutServiceStarts } from './service-policy.ts';

// apt gets the same signal and ends; what is being done here then throws, and the policy is put back on the way out.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const toInstall = INSTALLED_PACKAGES.filter((name) => !isInstalled(name));
const toUnpack = [...UNPACKED_PACKAGES, ...FOREIGN_PACKAGES].filter((name) => !existsSync(unpackedFolder(name)));

if (toInstall.length + toUnpack.length > 0) {
  const parts = [
    toInstall.length > 0 && `installing ${toInstall.join(' ')} (no service is started)`,
    toUnpack.length > 0 && `unpacking ${toUnpack.join(' ')} into .cache (not installed)`,
  ];
  console.log(`packages: ${parts.filter(Boolean).join('; ')}`);
  withoutServiceStarts(getAll);
}

function getAll(): void {
  let updated = false;
  const attempt = (work: () => void): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  /** Package lists that are missing or old are the usual reason; they are fetched once, when something failed. */
  const attemptWithLists = (work: () => void): unknown => {
    const error = attempt(work);
    if (error === undefined || updated) return error;
    updated = true;
    return attempt(updateLists) ?? attempt(work);
  };
  const failed: [string, unknown][] = [];
  if (toInstall.length > 0 && attemptWithLists(() => installPackages(toInstall)) !== undefined) {
    // One that cannot be had must cost only its own tests.
    for (const name of toInstall) failed.push([name, attempt(() => installPackages([name]))]);
  }
  for (const name of toUnpack) failed.push([name, attemptWithLists(() => unpackPackage(name))]);
  for (const [name, error] of failed) {
    if (error !== undefined) console.log(`packages: ${name} cannot be had: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const lines = said.split('\n').filter((line) => line.startsWith('E:'));
  return lines[0] ?? (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
}
