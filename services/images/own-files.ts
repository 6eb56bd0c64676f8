import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';

/** What the kernel makes up: the daemon's environment and memory are among it. */
const MADE_UP = ['/proc', '/sys'] as const;

/**
 * Tells whether a path leads to a file of the daemon's own: its token, key and database, what a restore has laid aside,
 * and `secret` files or folders. No image may name one, whoever asks: images are served to everybody on the boot network.
 */
export function ownFiles({
  dataDir,
  secret,
}: {
  readonly dataDir: string;
  readonly secret: readonly string[];
}): (path: string) => Promise<boolean> {
  return async (path) => {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined) return false;
    const inData = below(await realOr(dataDir), real);
    // Images, loaders and the like have folders; what lies beside them is no image.
    if (inData !== undefined && (!inData.includes(sep) || /^(\.|files\.restored)/.test(inData))) return true;
    const closed = await Promise.all([...MADE_UP, ...secret].map(realOr));
    return closed.some((one) => one === real || below(one, real) !== undefined);
  };
}

const realOr = (path: string): Promise<string> => realpath(path).catch(() => path);

/** The way from a folder to what is in it. */
function below(folder: string, path: string): string | undefined {
  const way = relative(folder, path);
  return way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : way;
}
