import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { TemplateError, templateEngine } from './engine.ts';

/** Compiled templates. They are code, so they come only from directories that the administrator owns. */
export type Templates = {
  /** Renders `ipxe/kernel` (`ipxe/kernel.eta` in the directory). Throws a `TemplateError` that names file and line. */
  render(name: string, data: object): string;
  readonly names: readonly string[];
};

/** One case that a template must be able to render. */
export type TemplateSample = { readonly template: string; readonly label: string; readonly data: object };

const ENDING = '.eta';

/**
 * Reads every template under `dir`, compiles it and renders the samples, so that a mistake shows at start and not when a
 * machine boots. `errors` are lines `file:line: message`. Rejects only if the directory cannot be read.
 */
export async function openTemplates(source: {
  readonly dir: string;
  readonly samples: readonly TemplateSample[];
}): Promise<
  { readonly ok: true; readonly templates: Templates } | { readonly ok: false; readonly errors: readonly string[] }
> {
  const { dir, samples } = source;
  const names = (await readdir(dir, { recursive: true }))
    .filter((path) => path.endsWith(ENDING))
    .map((path) => path.slice(0, -ENDING.length).split(sep).join('/'))
    .toSorted();
  const engine = templateEngine();
  const errors = new Set<string>();
  const told = new Set<string>();
  const attempt = (work: () => void, suffix = '') => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      // One mistake is one line, however many cases show it.
      if (!told.has(error.message)) errors.add(`${error.message}${suffix}`);
      told.add(error.message);
    }
  };
  for (const name of names) {
    const file = join(dir, `${name}${ENDING}`);
    try {
      const text = await readFile(file, 'utf8');
      attempt(() => engine.add({ name, file, text }));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      errors.add(`${file}:1: cannot be read (${String(error.code)}); want a file that the daemon may read`);
    }
  }
  // A template that does not compile fails again wherever it is included: one line for one mistake.
  if (errors.size === 0) {
    for (const { template, label, data } of samples) {
      if (!names.includes(template)) errors.add(`${join(dir, `${template}${ENDING}`)}:1: no such template`);
      else attempt(() => engine.render(template, data), ` (rendering ${label})`);
    }
  }
  if (errors.size > 0) return { ok: false, errors: [...errors] };
  return { ok: true, templates: { render: engine.render, names } };
}
