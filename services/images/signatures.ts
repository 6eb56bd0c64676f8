import { spawn } from 'node:child_process';
import { createHash, createPublicKey, createVerify, type KeyObject, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AssetSignature } from '#machines/contract/documents.ts';
import { decodeMinisignKey, decodeMinisignSignature } from './wire/minisign.ts';
import { dearmor, fromBase64 } from './wire/openpgp-armor.ts';

/** Ed25519 signs a message that is in memory; of larger files minisign and cosign sign a digest. */
const MAX_IN_MEMORY = 256 << 20;
/** SubjectPublicKeyInfo of Ed25519 (RFC 8410 §4) before its 32 bytes. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export type FetchSmall = (url: string) => Promise<Uint8Array>;

/** Proves a file by its detached signature. Gives in plain words what was proven; throws with the reason if it is not. */
export async function checkSignature(
  path: string,
  wanted: AssetSignature,
  { fetchSmall, signal }: { readonly fetchSmall: FetchSmall; readonly signal: AbortSignal },
): Promise<string> {
  const signature = await fetchSmall(wanted.url);
  switch (wanted.kind) {
    case 'openpgp': {
      const by = await gpgv({ wanted, fetchSmall, signal }, (dir) => [join(dir, 'signature'), path], signature);
      return `OpenPGP signature of ${by.primary}`;
    }
    case 'minisign':
      return await checkMinisign(path, signature, wanted.key ?? '');
    case 'cosign':
      return await checkCosign(path, signature, wanted.key ?? '');
    default:
      return wanted.kind satisfies never;
  }
}

/** The text of a list that is signed: beside it, or in it (clear-signed). */
export async function signedText(
  bytes: Uint8Array,
  wanted: AssetSignature,
  url: string,
  { fetchSmall, signal }: { readonly fetchSmall: FetchSmall; readonly signal: AbortSignal },
): Promise<{ readonly text: string; readonly by: string }> {
  if (wanted.url === url) {
    if (wanted.kind !== 'openpgp') throw new Error(`a list cannot hold its own ${wanted.kind} signature`);
    const parts = { wanted, fetchSmall, signal };
    // The file stays as it is here: its signature is in it.
    const { primary, output } = await gpgv(parts, (dir) => ['--output', '-', join(dir, 'clear')], undefined, bytes);
    return { text: output, by: `OpenPGP signature of ${primary}` };
  }
  const dir = await mkdtemp(join(tmpdir(), 'ingot-list-'));
  try {
    const path = join(dir, 'list');
    await writeFile(path, bytes);
    const by = await checkSignature(path, wanted, { fetchSmall, signal });
    return { text: Buffer.from(bytes).toString('utf8'), by };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function gpgv(
  {
    wanted,
    fetchSmall,
    signal,
  }: { readonly wanted: AssetSignature; readonly fetchSmall: FetchSmall; readonly signal: AbortSignal },
  args: (dir: string) => readonly string[],
  signature: Uint8Array | undefined,
  clear?: Uint8Array,
): Promise<{ readonly primary: string; readonly output: string }> {
  const { key, keyUrl = '', fingerprint } = wanted;
  const dir = await mkdtemp(join(tmpdir(), 'ingot-gpgv-'));
  try {
    await writeFile(join(dir, 'keys'), dearmor(key === undefined ? await fetchSmall(keyUrl) : Buffer.from(key)));
    if (signature) await writeFile(join(dir, 'signature'), dearmor(signature));
    if (clear) await writeFile(join(dir, 'clear'), clear);
    // The status has a descriptor of its own, so that what a signed text says is never taken for it.
    const { status, said, output } = await run(
      ['--homedir', dir, '--status-fd', '3', '--keyring', join(dir, 'keys'), ...args(dir)],
      signal,
    );
    const good = goodKeys(status);
    const [first] = good;
    if (first === undefined) {
      const why = /^\[GNUPG:\] (EXPSIG|EXPKEYSIG|REVKEYSIG|BADSIG|NO_PUBKEY)/m.exec(status)?.[1];
      throw new Error(
        `its OpenPGP signature proves nothing: ${why === undefined ? said.trim() : (REASONS[why] ?? why)}`,
      );
    }
    if (fingerprint !== undefined && !good.includes(fingerprint)) {
      throw new Error(`its OpenPGP signature is of key ${good.join(', ')}, want ${fingerprint}`);
    }
    const primary = fingerprint ?? first;
    return { primary, output };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * The primary keys of good signatures. GnuPG's doc/DETAILS: GOODSIG only where neither key nor signature has expired or
 * was revoked; the VALIDSIG after it has the key. VALIDSIG alone proves less.
 */
function goodKeys(status: string): readonly string[] {
  const keys: string[] = [];
  let good = false;
  for (const line of status.split('\n')) {
    const word = /^\[GNUPG:\] (\S+)/.exec(line)?.[1] ?? '';
    if (word === 'VALIDSIG' && good) keys.push(/ ([0-9A-F]{40,64})$/.exec(line)?.[1] ?? '');
    if (word.endsWith('SIG')) good = word === 'GOODSIG' || (good && word === 'VALIDSIG');
  }
  return keys.filter((key) => key !== '');
}

const REASONS: Readonly<Record<string, string>> = {
  EXPSIG: 'it has expired',
  EXPKEYSIG: 'the key has expired',
  REVKEYSIG: 'the key was revoked',
  BADSIG: 'it is of other bytes',
  NO_PUBKEY: 'it is of another key',
};

async function run(
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly status: string; readonly said: string; readonly output: string }> {
  const child = spawn('gpgv', args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], signal });
  const texts = ['', '', ''];
  for (const [index, stream] of [child.stdio[1], child.stdio[2], child.stdio[3]].entries()) {
    stream?.on('data', (piece: Buffer) => {
      if ((texts[index]?.length ?? 0) < 4 << 20) texts[index] += piece.toString('utf8');
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', (error) =>
      reject(
        'code' in error && error.code === 'ENOENT'
          ? new Error('gpgv is not installed: apt-get install gpgv', { cause: error })
          : error,
      ),
    );
  });
  const [output = '', said = '', status = ''] = texts;
  return { status, said, output };
}

async function checkMinisign(path: string, signatureFile: Uint8Array, keyText: string): Promise<string> {
  const key = decodeMinisignKey(keyText);
  if (!key) throw new Error('key: want the line of base64 that minisign -G prints');
  const signature = decodeMinisignSignature(Buffer.from(signatureFile).toString('utf8'));
  if (!signature) throw new Error('its signature is not one of minisign');
  if (signature.keyId !== key.keyId) {
    throw new Error(`its minisign signature is of key ${signature.keyId}, want ${key.keyId}`);
  }
  const publicKey = ed25519Key(key.ed25519);
  const message = signature.over === 'file' ? await wholeFile(path) : await digestOf(path, 'blake2b512');
  const comment = Buffer.concat([signature.signature, Buffer.from(signature.trustedComment)]);
  if (
    !verify(undefined, message, publicKey, signature.signature) ||
    !verify(undefined, comment, publicKey, signature.globalSignature)
  ) {
    throw new Error('its minisign signature is of other bytes');
  }
  return `minisign signature of key ${key.keyId} (${signature.trustedComment})`;
}

async function checkCosign(path: string, signatureFile: Uint8Array, pem: string): Promise<string> {
  const signature = fromBase64(Buffer.from(signatureFile).toString('latin1').replace(/\s+/g, ''));
  const key = keyOf(pem);
  const fingerprint = createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
  const right =
    key.asymmetricKeyType === 'ed25519'
      ? verify(undefined, await wholeFile(path), key, signature)
      : await verifyStream(path, key, signature);
  if (!right) throw new Error('its cosign signature is of other bytes, or of another key');
  return `cosign signature of key sha256:${fingerprint}`;
}

function keyOf(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw new Error('key: want a public key as PEM', { cause: error });
  }
  const kind = key.asymmetricKeyType ?? 'none';
  if (!['ec', 'ed25519', 'rsa'].includes(kind)) throw new Error(`key: got ${kind}, want ECDSA, Ed25519 or RSA`);
  return key;
}

async function verifyStream(path: string, key: KeyObject, signature: Uint8Array): Promise<boolean> {
  const verifier = createVerify('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) verifier.update(piece);
  return verifier.verify(key, signature);
}

const ed25519Key = (bytes: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([ED25519_SPKI, bytes]), format: 'der', type: 'spki' });

async function wholeFile(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > MAX_IN_MEMORY)
    throw new Error(`its signature is over all ${size} bytes at once, want at most ${MAX_IN_MEMORY}`);
  return await readFile(path);
}

async function digestOf(path: string, algorithm: string): Promise<Uint8Array> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece);
  return hash.digest();
}
