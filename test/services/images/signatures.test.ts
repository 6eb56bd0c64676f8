import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkSignature, signedText } from '#services/images/signatures.ts';
import { need } from '#test/lab/need.ts';

const BYTES = 'the bytes of an image\n';
const { signal } = new AbortController();

async function place() {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-signed-'));
  const path = (name: string): string => join(dir, name);
  await writeFile(path('image'), BYTES);
  await writeFile(path('other'), 'the bytes of another\n');
  return {
    path,
    /** What a URL gives is a file here. */
    prove: { fetchSmall: (name: string) => readFile(path(name)), signal },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

type Place = Awaited<ReturnType<typeof place>>;

describe('an ECDSA signature as cosign sign-blob writes it', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const sign = (at: Place) =>
    writeFile(at.path('sig'), `${createSign('sha256').update(BYTES).sign(privateKey).toString('base64')}\n`);

  it('proves its file and no other', async () => {
    await using at = await place();
    await sign(at);
    const wanted = { kind: 'cosign', url: 'sig', key } as const;
    assert.match(await checkSignature(at.path('image'), wanted, at.prove), /^cosign signature of key sha256:/);
    await assert.rejects(checkSignature(at.path('other'), wanted, at.prove), /of other bytes, or of another key/);
  });

  it('proves its file also where OpenSSL made key and signature', async (t) => {
    const tools = need(t, ['openssl']);
    if (!tools) return;
    await using at = await place();
    const openssl = (...args: readonly string[]): Buffer => execFileSync(tools.openssl, args, { stdio: 'pipe' });
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at.path('own'));
    const pem = openssl('ec', '-in', at.path('own'), '-pubout').toString();
    const signature = openssl('dgst', '-sha256', '-sign', at.path('own'), at.path('image'));
    await writeFile(at.path('sig'), signature.toString('base64'));
    const wanted = { kind: 'cosign', url: 'sig', key: pem } as const;
    assert.match(await checkSignature(at.path('image'), wanted, at.prove), /^cosign signature of key sha256:/);
    await assert.rejects(checkSignature(at.path('other'), wanted, at.prove), /of other bytes, or of another key/);
  });

  for (const [name, pem, why] of [
    [
      'another key',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      /of another key/,
    ],
    ['no key', 'nonsense', /want a public key as PEM/],
    [
      'a key that cannot sign',
      generateKeyPairSync('x25519').publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      /got x25519, want ECDSA/,
    ],
  ] as const) {
    it(`proves nothing with ${name}`, async () => {
      await using at = await place();
      await sign(at);
      await assert.rejects(checkSignature(at.path('image'), { kind: 'cosign', url: 'sig', key: pem }, at.prove), why);
    });
  }
});

describe('a signature that minisign wrote', () => {
  for (const [name, args] of [
    ['over the digest', []],
    ['over the file, as its first versions did', ['-l']],
  ] as const) {
    it(`${name} proves its file and no other`, async (t) => {
      if (!need(t, ['minisign'])) return;
      await using at = await place();
      const minisign = (...rest: readonly string[]) => execFileSync('minisign', rest, { stdio: 'pipe' });
      minisign('-G', '-W', '-p', at.path('pub'), '-s', at.path('sec'));
      minisign(
        '-S',
        ...args,
        '-W',
        '-s',
        at.path('sec'),
        '-x',
        at.path('sig'),
        '-t',
        'of 2026',
        '-m',
        at.path('image'),
      );
      const wanted = { kind: 'minisign', url: 'sig', key: await readFile(at.path('pub'), 'utf8') } as const;
      assert.match(
        await checkSignature(at.path('image'), wanted, at.prove),
        /^minisign signature of key \w+ \(of 2026\)$/,
      );
      await assert.rejects(checkSignature(at.path('other'), wanted, at.prove), /of other bytes/);
      const sig = await readFile(at.path('sig'), 'utf8');
      await writeFile(at.path('sig'), sig.replace('of 2026', 'of 2027'));
      await assert.rejects(
        checkSignature(at.path('image'), wanted, at.prove),
        /of other bytes/,
        'its comment is signed',
      );
      minisign('-G', '-W', '-f', '-p', at.path('pub'), '-s', at.path('sec'));
      const other = { ...wanted, key: await readFile(at.path('pub'), 'utf8') };
      await assert.rejects(checkSignature(at.path('image'), other, at.prove), /is of key \w+, want \w+/);
    });
  }
});

describe('a signature that GnuPG wrote', () => {
  /** A key of its own, and what gpg says with it. */
  function gnupg(at: Place, name: string) {
    const base = ['--homedir', at.path('.'), '--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
    const gpg = (...args: readonly string[]) => execFileSync('gpg', [...base, ...args], { stdio: 'pipe' });
    gpg('--quick-gen-key', name, 'ed25519', 'sign', 'never');
    const listed = gpg('--list-keys', '--with-colons', name).toString();
    return { gpg, fingerprint: /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '' };
  }
  const stop = (at: Place) => execFileSync('gpgconf', ['--homedir', at.path('.'), '--kill', 'gpg-agent']);

  it('proves its file and no other, by the key that is wanted', async (t) => {
    if (!need(t, ['gpg', 'gpgv'])) return;
    await using at = await place();
    const { gpg, fingerprint } = gnupg(at, 'vendor');
    const other = gnupg(at, 'other');
    try {
      gpg('--export', '--armor', '--output', at.path('keys'));
      gpg('-u', 'vendor', '--detach-sign', '--output', at.path('sig'), at.path('image'));
      gpg('-u', 'vendor', '--armor', '--detach-sign', '--output', at.path('asc'), at.path('image'));
      const wanted = { kind: 'openpgp', url: 'sig', keyUrl: 'keys', fingerprint } as const;
      const proven = `OpenPGP signature of ${fingerprint}`;
      assert.equal(await checkSignature(at.path('image'), wanted, at.prove), proven);
      assert.equal(await checkSignature(at.path('image'), { ...wanted, url: 'asc' }, at.prove), proven);
      const given = { kind: 'openpgp', url: 'sig', key: await readFile(at.path('keys'), 'utf8') } as const;
      assert.equal(await checkSignature(at.path('image'), given, at.prove), proven);
      await assert.rejects(checkSignature(at.path('other'), wanted, at.prove), /it is of other bytes/);
      await assert.rejects(
        checkSignature(at.path('image'), { ...wanted, fingerprint: other.fingerprint }, at.prove),
        new RegExp(`is of key ${fingerprint}, want ${other.fingerprint}`),
      );
      gpg('--yes', '--export', '--armor', '--output', at.path('keys'), 'other');
      await assert.rejects(checkSignature(at.path('image'), wanted, at.prove), /it is of another key/);
    } finally {
      stop(at);
    }
  });

  it('inside a list proves its lines, and only those', async (t) => {
    if (!need(t, ['gpg', 'gpgv'])) return;
    await using at = await place();
    const { gpg, fingerprint } = gnupg(at, 'vendor');
    try {
      gpg('--export', '--output', at.path('keys'));
      gpg('--clear-sign', '--output', at.path('list'), at.path('image'));
      const wanted = { kind: 'openpgp', url: 'list', keyUrl: 'keys', fingerprint } as const;
      const clear = await readFile(at.path('list'), 'utf8');
      const before = `a line that is not signed\n[GNUPG:] GOODSIG\n${clear}`;
      for (const text of [clear, before]) {
        const read = await signedText(Buffer.from(text), wanted, 'list', at.prove);
        assert.deepEqual(read, { text: BYTES, by: `OpenPGP signature of ${fingerprint}` });
      }
      const changed = Buffer.from(clear.replace('bytes of an', 'bytes of no'));
      await assert.rejects(signedText(changed, wanted, 'list', at.prove), /it is of other bytes/);
      await assert.rejects(signedText(Buffer.from(BYTES), wanted, 'list', at.prove), /proves nothing/);
    } finally {
      stop(at);
    }
  });

  it('proves nothing once its key has expired', async (t) => {
    if (!need(t, ['gpg', 'gpgv'])) return;
    await using at = await place();
    const base = ['--homedir', at.path('.'), '--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
    const past = ['--faked-system-time', '20200101T000000'];
    const gpg = (...args: readonly string[]) => execFileSync('gpg', [...base, ...past, ...args], { stdio: 'pipe' });
    try {
      gpg('--quick-gen-key', 'vendor', 'ed25519', 'sign', '1m');
      gpg('--export', '--output', at.path('keys'));
      gpg('--detach-sign', '--output', at.path('sig'), at.path('image'));
      const wanted = { kind: 'openpgp', url: 'sig', keyUrl: 'keys' } as const;
      await assert.rejects(checkSignature(at.path('image'), wanted, at.prove), /the key has expired/);
    } finally {
      stop(at);
    }
  });
});
