import { builtinModules } from 'node:module';
import { posix, relative, sep } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

/** Programs, and the worker that one of them starts: each a file of its own at the place that it has in the checkout. */
const ENTRIES = ['cli/main', 'server/main', 'machines/rack/main', 'services/store/sqlite/writer-thread'] as const;

/** Packages with native code: they come as they are. */
export const NATIVE_PACKAGES = ['better-sqlite3', 'koffi'] as const;

/** Stands in code for the folder of the release until it is known where that code lies. */
const ROOT = 'globalThis.rootOfThisRelease';
const ABSENT = 'react-devtools-core';

export type BundledFile = { readonly path: string; readonly code: string };

export type Bundle = {
  readonly files: readonly BundledFile[];
  /** Folders of the packages of which code is in it, relative to the root. */
  readonly packages: readonly string[];
};

/**
 * All programs with the packages that they use, as ES modules. Code finds its files as in the checkout: a module's
 * `import.meta.url` is still that of its source, seen from the root of the release.
 */
export async function bundlePrograms(root: string): Promise<Bundle> {
  await using bundle = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, `${name}.ts`])),
    cwd: root,
    platform: 'node',
    external: [/^node:/, ...builtinModules, ...NATIVE_PACKAGES],
    logLevel: 'silent',
    plugins: [sourcePlaces(root)],
  });
  const { output } = await bundle.generate({
    format: 'esm',
    minify: true,
    sourcemap: false,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  });
  const chunks = output.flatMap((one) => (one.type === 'chunk' ? [one] : []));
  const strange = output.find((one) => one.type !== 'chunk');
  if (strange) throw new Error(`the bundle has ${strange.fileName}, which is no code`);
  const made = new Set(chunks.map(({ fileName }) => fileName));
  for (const { fileName, imports, dynamicImports } of chunks) {
    const foreign = [...imports, ...dynamicImports].find(
      (name) =>
        !made.has(name) &&
        !name.startsWith('node:') &&
        !builtinModules.includes(name) &&
        !NATIVE_PACKAGES.some((one) => one === name),
    );
    if (foreign !== undefined) throw new Error(`${fileName} lacks ${foreign}`);
  }
  const packages = new Set(chunks.flatMap(({ moduleIds }) => moduleIds.flatMap((id) => packageOf(root, id))));
  return {
    files: chunks.map(({ fileName, code }) => ({ path: fileName, code })),
    packages: [...packages].sort(),
  };
}

function packageOf(root: string, id: string): readonly string[] {
  const path = relative(root, id).split(sep).join(posix.sep);
  const found = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
  return found === undefined ? [] : [found];
}

/**
 * What a module says about its own place is said of its source's place below the root of the release, which is the
 * folder above `chunks/` or so many folders up from an entry. Sources end in `.ts`, what is made of them in `.js`.
 */
function sourcePlaces(root: string): Plugin {
  return {
    name: 'source-places',
    // Ink asks for it where somebody debugs Ink; nobody installs it.
    resolveId: (name) => (name === ABSENT ? `\0${ABSENT}` : undefined),
    load: (id) => (id === `\0${ABSENT}` ? 'export default undefined;' : undefined),
    transform(code, id) {
      const path = relative(root, id).split(sep).join(posix.sep);
      if (path.startsWith('..') || path.includes('node_modules/') || !path.endsWith('.ts')) return undefined;
      const entries = ENTRIES.reduce(
        (text, name) => text.replaceAll(`${posix.basename(name)}.ts'`, `${posix.basename(name)}.js'`),
        code,
      );
      if (!entries.includes('import.meta.')) return entries === code ? undefined : { code: entries };
      const place = `new URL(${JSON.stringify(path)}, ${ROOT})`;
      const placed = entries
        .replaceAll('import.meta.dirname', `decodeURIComponent(new URL('.', ${place}).pathname).replace(/\\/$/, '')`)
        .replaceAll('import.meta.url', `${place}.href`);
      if (placed.includes('import.meta.')) throw new Error(`${path} uses import.meta in a way that is not foreseen`);
      return { code: placed };
    },
    renderChunk(code, { fileName }) {
      if (!code.includes(ROOT)) return undefined;
      const up = '../'.repeat(fileName.split('/').length - 1);
      return { code: code.replaceAll(ROOT, `new URL(${JSON.stringify(up)}, import.meta.url)`) };
    },
  };
}
