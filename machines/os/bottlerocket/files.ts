import { type BottlerocketSettings, bottlerocketSettings, settingsProblems } from './settings.ts';
import { tomlText, type TomlTable } from './toml.ts';
import { encodeBootconfig } from './wire/bootconfig.ts';

/** A file in the root of the private partition. */
export type BottlerocketFile = { readonly path: string; readonly content: Uint8Array; readonly mode: number };

/**
 * What a machine is told that runs Bottlerocket. Nothing reaches it from outside afterwards but through a host container:
 * it has no console login, and its API is a socket of its own.
 */
export type BottlerocketParts = {
  /** What stands under `settings`, of any form. */
  readonly settings: unknown;
  /** net.toml, and what goes with it into the settings; see machines/os/network/bottlerocket.ts. */
  readonly network?:
    | {
        readonly netToml: string;
        readonly dns?:
          | { readonly 'name-servers'?: readonly string[]; readonly 'search-list'?: readonly string[] }
          | undefined;
      }
    | undefined;
  readonly hostname?: string | undefined;
  /** The administrator's host container, reached by SSH with these public keys. */
  readonly adminKeys?: readonly string[] | undefined;
  /** Words for the kernel's command line, `name` or `name=value`. */
  readonly kernelArguments?: readonly string[] | undefined;
};

export type BottlerocketAnswer =
  | { readonly ok: true; readonly files: readonly BottlerocketFile[] }
  | { readonly ok: false; readonly problems: readonly { readonly key: string; readonly because: string }[] };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The files for its private partition, or each thing that stands against them. */
export function bottlerocketFiles(parts: BottlerocketParts): BottlerocketAnswer {
  const { settings: tree, network, hostname, adminKeys = [], kernelArguments = [] } = parts;
  const read = bottlerocketSettings.safeParse(tree ?? {});
  const problems = [...settingsProblems(tree ?? {}), ...kernelArguments.flatMap(argumentProblem)];
  if (!network) {
    problems.push({ key: 'network', because: 'without net.toml nothing of Bottlerocket starts that needs a network' });
  }
  if (!read.success || problems.length > 0 || !network) return { ok: false, problems };
  const settings = withDefaults(read.data, { dns: network.dns, hostname, adminKeys });
  const userData = bytes(tomlText({ settings }));
  return {
    ok: true,
    files: [
      // It holds the token to join with, and keys.
      { path: 'user-data.toml', content: userData, mode: 0o600 },
      { path: 'net.toml', content: bytes(network.netToml), mode: 0o644 },
      ...(kernelArguments.length === 0
        ? []
        : [{ path: 'bootconfig.data', content: encodeBootconfig(bootconfigText(kernelArguments)), mode: 0o644 }]),
    ],
  };
}

/** What people wrote stays; what follows from the machine is said where they said nothing. */
function withDefaults(
  settings: BottlerocketSettings,
  known: {
    readonly dns:
      | { readonly 'name-servers'?: readonly string[]; readonly 'search-list'?: readonly string[] }
      | undefined;
    readonly hostname: string | undefined;
    readonly adminKeys: readonly string[];
  },
): TomlTable {
  const { dns, hostname, adminKeys } = known;
  const containers = settings['host-containers'] ?? {};
  return {
    ...settings,
    ...(dns === undefined ? {} : { dns: { ...dns, ...settings.dns } }),
    ...(hostname === undefined ? {} : { network: { hostname, ...settings.network } }),
    ...(adminKeys.length === 0
      ? {}
      : { 'host-containers': { ...containers, admin: { ...adminContainer(adminKeys), ...containers['admin'] } } }),
  };
}

/** On metal it is off unless asked for; its user data is JSON in base64 (bottlerocket-admin-container, README). */
function adminContainer(keys: readonly string[]): { readonly enabled: true; readonly 'user-data': string } {
  const ascii = JSON.stringify({ ssh: { 'authorized-keys': keys } });
  return { enabled: true, 'user-data': btoa(String.fromCharCode(...bytes(ascii))) };
}

/** A word of the kernel's command line as a key and a value of a boot config. */
const ARGUMENT = /^(?<key>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?:=(?<value>[^\p{Cc}]*))?$/u;

function argumentProblem(word: string): readonly { readonly key: string; readonly because: string }[] {
  const { value = '' } = ARGUMENT.exec(word)?.groups ?? { value: undefined };
  if (!ARGUMENT.test(word)) return [{ key: 'args', because: `a boot config has no ${JSON.stringify(word)}` }];
  const both = value.includes('"') && value.includes("'");
  return both ? [{ key: 'args', because: `a boot config cannot quote ${JSON.stringify(word)}` }] : [];
}

/** A name that comes twice gets its values as a list, which the kernel writes out one after the other. */
function bootconfigText(words: readonly string[]): string {
  const values = new Map<string, string[]>();
  for (const word of words) {
    const { key = '', value } = ARGUMENT.exec(word)?.groups ?? {};
    const known = values.get(key) ?? [];
    if (value !== undefined) known.push(value.includes('"') ? `'${value}'` : `"${value}"`);
    values.set(key, known);
  }
  return [...values]
    .map(([key, list]) => `kernel.${key}${list.length === 0 ? '' : ` = ${list.join(', ')}`}\n`)
    .join('');
}
