import { Eta } from 'eta';
import { Script } from 'node:vm';

/** A fault of a template: `file:line: message`. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/**
 * Eta, told to be dull: no HTML escaping (it turned the `&` of a URL into `&amp;`), no trimming of line ends after tags
 * (it joined two lines of a script), and a filter that refuses what would not stay on its line. `<%@ ipxe/head -%>`
 * includes another template with the same data.
 *
 * Templates see `it`, their data, and nothing is escaped for them: data must fit the place where they stand.
 */
export function templateEngine() {
  const files = new Map<string, string>();
  const eta = new Eta({
    autoEscape: false,
    autoTrim: false,
    autoFilter: true,
    filterFunction: oneLine,
    customTags: { '@': (name, data) => render(name.trim(), data as object) },
    // Counts lines, so that an error tells where.
    debug: true,
  });

  function render(name: string, data: object): string {
    const file = files.get(name);
    if (file === undefined) throw new Error(`there is no template ${name}`);
    try {
      return eta.render(`@${name}`, data);
    } catch (error) {
      throw innermost(error) ?? new TemplateError(`${file}:${lineIn(error)}: ${reason(error)}`, { cause: error });
    }
  }

  return {
    render,
    /** Throws a `TemplateError` if it does not compile. A later one with the same name replaces it. */
    add({ name, file, text }: { readonly name: string; readonly file: string; readonly text: string }): void {
      files.set(name, file);
      try {
        eta.loadTemplate(`@${name}`, eta.compile(text));
      } catch (error) {
        const line = /at line (\d+)/.exec(String(error))?.[1];
        if (line !== undefined) throw new TemplateError(`${file}:${line}: ${reason(error)}`, { cause: error });
        const { line: found, message } = syntaxError(eta.compileToString(text));
        throw new TemplateError(`${file}:${found}: ${message ?? reason(error)}`, { cause: error });
      }
    },
  };
}

/**
 * What an interpolation may put into the text. Nothing that is absent, since "undefined" in a boot script is found only
 * by the machine that runs it; nothing that ends the line or works on a terminal.
 */
function oneLine(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError(`got ${typeof value}, want text`);
  const text = String(value);
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) throw new TypeError(`got control characters: ${JSON.stringify(text)}`);
  return text;
}

/** A fault within an included template is told by that one. */
function innermost(error: unknown): TemplateError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof TemplateError) return one;
  return undefined;
}

/** Eta's runtime errors begin with `line 3` and end with the message of their cause. */
const lineIn = (error: unknown): string => /line (\d+)/.exec(String(error))?.[1] ?? '1';

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const lines = text.split('\n').map((line) => line.trim());
  return lines.find((line) => line !== '' && line !== 'Bad template syntax') ?? 'unknown error';
}

/**
 * Where generated code is wrong, in lines of the template. V8 tells a line of the generated code; Eta writes
 * `__eta.line=N` before each tag.
 */
function syntaxError(code: string): { readonly line: number; readonly message: string | undefined } {
  try {
    // Only compiled, never run.
    void new Script(`(function(it, options) {\n${code}\n})`, { filename: 'template' });
    return { line: 1, message: undefined };
  } catch (error) {
    const at = Number(/^template:(\d+)/.exec(error instanceof Error ? (error.stack ?? '') : '')?.[1] ?? 1);
    const marks = code
      .split('\n')
      .slice(0, Math.max(0, at - 1))
      .flatMap((line) => /^__eta\.line=(\d+)/.exec(line)?.[1] ?? []);
    return { line: Number(marks.at(-1) ?? 1), message: error instanceof Error ? error.message : undefined };
  }
}
