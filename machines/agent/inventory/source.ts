import { readFile, readdir, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Host, ToolResult } from '../host.ts';
import { lineOf } from './decide/clean-text.ts';

const MAX_GAPS = 200;
/** A tool that hangs on a broken drive or BMC must not keep the rest. */
const TOOL_MS = 10_000;

/** What all readers of one inventory share: the machine, the end of patience, and the list of what could not be read. */
export type Source = {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly gaps: readonly string[];
  /** One line, once: what could not be read, and why. */
  readonly gap: (text: string) => void;
  /** A file of sysfs or procfs as one line of text; undefined where it is not there, empty, or not to be read. */
  readonly line: (path: string) => Promise<string | undefined>;
  /** The same as a whole number. */
  readonly number: (path: string) => Promise<number | undefined>;
  readonly bytes: (path: string) => Promise<Uint8Array | undefined>;
  /** Names in a folder, sorted; none where it is not there. */
  readonly names: (path: string) => Promise<readonly string[]>;
  /** The last name of what a link points to: a driver, a subsystem. */
  readonly link: (path: string) => Promise<string | undefined>;
  /** Where links lead, from the machine's root. */
  readonly real: (path: string) => Promise<string | undefined>;
  /** What a tool wrote; undefined, with a gap that begins with `what`, where it is missing, failed or took too long. */
  readonly tool: (
    what: string,
    tool: string,
    args: readonly string[],
    options?: ToolOptions,
  ) => Promise<string | undefined>;
};

export type ToolOptions = {
  readonly limitMs?: number;
  /** Statuses whose output is worth reading; only 0 unless said. */
  readonly accepts?: (result: ToolResult) => boolean;
};

export function openSource({ host, signal }: { readonly host: Host; readonly signal: AbortSignal }): Source {
  const gaps: string[] = [];
  const said = new Set<string>();
  const at = (path: string): string => join(host.root, path);
  function gap(text: string): void {
    const line = lineOf(text);
    if (line === undefined || said.has(line) || gaps.length >= MAX_GAPS) return;
    said.add(line);
    gaps.push(line);
  }
  const attempt = async <T>(read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read;
    } catch {
      return undefined;
    }
  };
  const line = async (path: string): Promise<string | undefined> => lineOf(await attempt(readFile(at(path), 'utf8')));
  return {
    host,
    signal,
    gaps,
    gap,
    line,
    async number(path) {
      const text = await line(path);
      return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
    },
    async bytes(path) {
      const buffer = await attempt(readFile(at(path)));
      return buffer && new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    },
    names: async (path) => ((await attempt(readdir(at(path)))) ?? []).toSorted(byNumbersWithin),
    async link(path) {
      const target = await attempt(readlink(at(path)));
      return target === undefined ? undefined : basename(target);
    },
    async real(path) {
      const real = await attempt(realpath(at(path)));
      const root = real === undefined ? undefined : await attempt(realpath(host.root));
      if (real === undefined || root === undefined) return undefined;
      return root === '/' ? real : real.slice(root.length);
    },
    async tool(what, tool, args, { limitMs = TOOL_MS, accepts = endedWell } = {}) {
      const limit = AbortSignal.timeout(limitMs);
      try {
        const result = await host.run(tool, args, { signal: AbortSignal.any([signal, limit]) });
        if (accepts(result)) return result.stdout;
        if (result.status === 127) gap(`${tool}: not in this image`);
        else gap(`${what}: ${tool} ended with ${result.status}: ${(result.stderr || result.stdout).trim()}`);
      } catch (error) {
        signal.throwIfAborted();
        gap(`${what}: ${tool}: ${limit.aborted ? `did not end within ${limitMs / 1000} s` : reasonOf(error)}`);
      }
      return undefined;
    },
  };
}

const endedWell = ({ status }: ToolResult): boolean => status === 0;

/** `sda2` before `sda10`. */
const byNumbersWithin = new Intl.Collator('en', { numeric: true }).compare;

export const reasonOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error);
