import { posix } from 'node:path';

/** 0: codecs and values. 1: decisions, pure. 2: shells. 3: programs. */
export type Ring = 0 | 1 | 2 | 3;

export type Import = { readonly from: string; readonly to: string };

const PROGRAMS = ['server', 'cli', 'web', 'machines/agent', 'machines/rack'] as const;

/** Packages that neither open nor ask anything. */
const PURE_PACKAGES = ['ipaddr.js', 'zod'];

/** The ring of a source file, known from its path relative to the root; undefined for what is no part of a program. */
export function ringOf(file: string): Ring | undefined {
  const folders = file.split('/').slice(0, -1);
  if (!['machines', 'services', 'server', 'cli', 'web'].includes(folders[0] ?? '')) return undefined;
  if (folders.includes('wire') || isIn(file, 'machines/values') || isIn(file, 'machines/api')) return 0;
  if (folders.includes('decide')) return 1;
  if (isIn(file, 'services')) return 2;
  // The folders of the server are shells; the files beside main.ts compose them, but for the shape all shells have.
  if (isIn(file, 'server') && (folders.length > 1 || file === 'server/task.ts')) return 2;
  return programOf(file) === undefined ? 1 : 3;
}

/** Why a file may not import another, or undefined when it may. */
export function whyNot({ from, to }: Import): string | undefined {
  const own = ringOf(from);
  const other = ringOf(to);
  if (own === undefined) return undefined;
  if (other === undefined) return 'it is no part of a program';
  if (other > own) return `ring ${own} may not import ring ${other}`;
  const program = programOf(from);
  const foreign = programOf(to);
  // Codecs and decisions of a protocol are everybody's; its shell is the server's own.
  if (foreign === undefined || foreign === program || other < 2) return undefined;
  if (program === 'machines/rack' && foreign === 'machines/agent') return undefined;
  return `${program ?? posix.dirname(from)} may not know the inside of ${foreign}`;
}

/** Why a file may not use a package or a module of Node, or undefined when it may. */
export function whyNotPackage(from: string, name: string): string | undefined {
  const ring = ringOf(from);
  if (ring === undefined || ring > 1 || PURE_PACKAGES.includes(name)) return undefined;
  return `ring ${ring} is pure`;
}

const IMPURE =
  /\b(?:Date\.now|Math\.random|performance\.now|set(?:Timeout|Interval|Immediate)\(|fetch\(|(?:process|crypto|console)\.[a-z])|new Date\(\)/;

/** What a file of ring 0 or 1 uses of clock, chance or the world, if anything. */
export function impurity(file: string, text: string): string | undefined {
  const ring = ringOf(file);
  if (ring === undefined || ring > 1) return undefined;
  return IMPURE.exec(withoutComments(text))?.[0];
}

/** The imports of a file as they are written: by `from`, for effect, when running, and as a worker's URL. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const forms = [
    /^\s*(?:import|export)\s[\w\s{},*$]*?\bfrom\s*'([^']+)'/gm,
    /^\s*import\s+'([^']+)'/gm,
    /\bimport\(\s*'([^']+)'/g,
    /\bnew URL\(\s*'([^']+\.ts)'\s*,\s*import\.meta\.url/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ''));
}

/** The file that an import means, relative to the root; undefined for a package or a module of Node. */
export function resolveImport(from: string, written: string): string | undefined {
  if (written.startsWith('#')) return written.slice(1);
  if (written.startsWith('.')) return posix.join(posix.dirname(from), written);
  // Only as a worker's URL may a neighbour be written without a dot.
  return written.endsWith('.ts') ? posix.join(posix.dirname(from), written) : undefined;
}

function programOf(file: string): (typeof PROGRAMS)[number] | undefined {
  return PROGRAMS.find((program) => isIn(file, program));
}

function isIn(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}
