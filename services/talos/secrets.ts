import type { TalosSecrets } from '#machines/os/talos/secrets.ts';
import { secretsBundle, secretsYaml } from '#machines/os/talos/secrets.ts';
import { isAtLeast, type TalosVersion } from '#machines/os/talos/version.ts';
import type { Random } from '#services/auth/secret.ts';
import type { Vault } from '#services/vault/vault.ts';
import { readYaml, type YamlIssue } from '#services/yaml/read-yaml.ts';
import { newCa, newServiceAccountKey } from './certificates.ts';

const KEY_BYTES = 32;
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
/** The largest multiple of the alphabet in a byte: bytes from here on would prefer its first letters. */
const UNBIASED = 256 - (256 % ALPHABET.length);

/** Makes a cluster's secrets; takes seconds, nearly all of them for the RSA key. */
export async function newTalosSecrets(parts: {
  readonly version: TalosVersion;
  readonly random: Random;
  readonly now: () => number;
  /** Of the service account's key; fewer only where nothing counts on it. */
  readonly rsaBits?: number;
}): Promise<TalosSecrets> {
  const { version, random } = parts;
  const now = parts.now();
  const [serviceAccountKey, machine, etcd, kubernetes, aggregator] = await Promise.all([
    newServiceAccountKey(parts.rsaBits),
    newCa({ kind: 'ed25519', organization: 'talos', now }),
    newCa({ kind: 'p-256', organization: 'etcd', now }),
    newCa({ kind: 'p-256', organization: 'kubernetes', now }),
    // The stock tools give this one no subject either.
    newCa({ kind: 'p-256', now }),
  ]);
  const id = Buffer.from(random(KEY_BYTES)).toString('base64');
  return {
    cluster: { id: isAtLeast(version, 14) ? id : urlSafe(id), secret: base64(random(KEY_BYTES)) },
    bootstrapToken: newToken(random),
    machineToken: newToken(random),
    etcdEncryption: { kind: 'secretbox', key: base64(random(KEY_BYTES)) },
    ca: { machine, etcd, kubernetes, aggregator },
    serviceAccountKey,
  };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
/** With its padding, unlike Node's own base64url. */
const urlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_');

const newToken = (random: Random): string => `${letters(6, random)}.${letters(16, random)}`;

/** Each letter equally likely: bytes that would favour some are thrown away. */
function letters(count: number, random: Random): string {
  let text = '';
  while (text.length < count) {
    for (const byte of random(count)) {
      if (byte < UNBIASED && text.length < count) text += ALPHABET[byte % ALPHABET.length];
    }
  }
  return text;
}

export type ReadSecrets =
  | { readonly ok: true; readonly secrets: TalosSecrets }
  | { readonly ok: false; readonly issues: readonly YamlIssue[] };

/** Reads what `talosctl gen secrets` wrote, or we. */
export function readTalosSecrets(source: { readonly file: string; readonly text: string }): ReadSecrets {
  const read = readYaml(source, secretsBundle);
  if (!read.ok) return { ok: false, issues: read.issues.map(withoutValue) };
  const [first, ...others] = read.documents;
  if (first && others.length === 0) return { ok: true, secrets: first.value };
  const text = `got ${read.documents.length} documents, want one`;
  return { ok: false, issues: [{ file: source.file, line: 1, column: 1, text }] };
}

/** An issue shows what it got, which here may be a secret. */
const withoutValue = (issue: YamlIssue): YamlIssue => ({
  ...issue,
  text: issue.text.replace(/\bgot (?!nothing)(?:".*?(?<!\\)"|\S+)/, 'got ***'),
});

/** Sealed, under the cluster's name. */
export const secretsName = (cluster: string): string => `talos/${cluster}/secrets`;

export const writeSecrets = (vault: Pick<Vault, 'write'>, cluster: string, secrets: TalosSecrets): Promise<void> =>
  vault.write(secretsName(cluster), secretsYaml(secrets));

/** Nothing where the cluster has none. Rejects where they do not open, or are none. */
export async function readSecrets(vault: Pick<Vault, 'read'>, cluster: string): Promise<TalosSecrets | undefined> {
  const text = await vault.read(secretsName(cluster));
  if (text === undefined) return undefined;
  const read = readTalosSecrets({ file: secretsName(cluster), text });
  if (read.ok) return read.secrets;
  throw new Error(`secrets of the cluster ${cluster}: ${read.issues.map((issue) => issue.text).join('; ')}`);
}
