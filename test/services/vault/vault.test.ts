import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { SecretStore } from '#services/store/contract.ts';
import { openVault } from '#services/vault/vault.ts';
import { VaultError, type VaultErrorCode } from '#services/vault/vault-error.ts';

function memorySecrets(): SecretStore & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    get: async (name) => kept.get(name),
    names: async () => [...kept.keys()],
    put: async (name, sealed) => void kept.set(name, sealed),
    remove: async (name) => kept.delete(name),
  };
}

async function world() {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingot-vault-'));
  const secrets = memorySecrets();
  return {
    dataDir,
    secrets,
    keyPath: join(dataDir, 'seal.key'),
    open: (credentialsDir?: string) => openVault({ secrets, dataDir, credentialsDir, random: randomBytes }),
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

const withCode = (code: VaultErrorCode, words: RegExp) => (error: unknown) =>
  error instanceof VaultError && error.code === code && words.test(error.message);

describe('the vault', () => {
  it('gives back what was written, also after a restart, and the store never sees it', async () => {
    await using at = await world();
    const text = 'passwörd \u{1f511}';
    const vault = await at.open();
    await vault.write('credential/rack1', text);
    assert.equal(vault.key.made, true);
    const again = await at.open();
    assert.equal(again.key.made, false);
    assert.equal(await again.read('credential/rack1'), text);
    assert.equal(await again.read('credential/rack2'), undefined);
    const [sealed = ''] = at.secrets.kept.values();
    assert.match(sealed, /^v1\.[0-9a-f]{16}\./);
    assert.ok(!sealed.includes(Buffer.from(text).toString('base64url').slice(0, 8)));
    assert.deepEqual(await again.names('credential/'), ['credential/rack1']);
  });

  it('seals the same text differently each time', async () => {
    await using at = await world();
    const vault = await at.open();
    await vault.write('a', 'same');
    const first = at.secrets.kept.get('a');
    await vault.write('a', 'same');
    assert.notEqual(at.secrets.kept.get('a'), first);
  });

  it('makes a key file that only its owner reads, and refuses one that others can', async () => {
    await using at = await world();
    await at.open();
    assert.equal((await stat(at.keyPath)).mode & 0o777, 0o600);
    assert.equal((await readFile(at.keyPath)).length, 32);
    for (const mode of [0o640, 0o604, 0o610]) {
      await chmod(at.keyPath, mode);
      await assert.rejects(at.open(), withCode('key-open', /want 0600/));
    }
    await chmod(at.keyPath, 0o400);
    await at.open();
  });

  it('takes the credential of systemd before the file', async () => {
    await using at = await world();
    const key = randomBytes(32);
    await writeFile(join(at.dataDir, 'ingot-seal-key'), key, { mode: 0o400 });
    const vault = await at.open(at.dataDir);
    assert.equal(vault.key.path, join(at.dataDir, 'ingot-seal-key'));
    await assert.rejects(stat(at.keyPath), { code: 'ENOENT' });
    await writeFile(at.keyPath, key, { mode: 0o600 });
    assert.equal((await at.open()).key.id, vault.key.id);
  });

  it('says so when the key is another than the secrets were sealed under', async () => {
    await using at = await world();
    await (await at.open()).write('credential/rack1', 'secret');
    await writeFile(at.keyPath, randomBytes(32));
    const vault = await at.open();
    await assert.rejects(vault.read('credential/rack1'), withCode('other-key', /bring back that seal\.key/));
    assert.deepEqual(
      (await vault.unreadable()).map(({ code }) => code),
      ['other-key'],
    );
  });

  it('makes no new key where the old one is lost', async () => {
    await using at = await world();
    await (await at.open()).write('credential/rack1', 'secret');
    await unlink(at.keyPath);
    await assert.rejects(at.open(), withCode('key-lost', /bring it back/));
    await assert.rejects(stat(at.keyPath), { code: 'ENOENT' });
  });

  it('refuses a key file of another size, and a link', async () => {
    await using at = await world();
    await writeFile(at.keyPath, 'short', { mode: 0o600 });
    await assert.rejects(at.open(), withCode('key-malformed', /5 bytes, want 32/));
    await unlink(at.keyPath);
    await writeFile(join(at.dataDir, 'elsewhere'), randomBytes(32), { mode: 0o600 });
    await symlink(join(at.dataDir, 'elsewhere'), at.keyPath);
    await assert.rejects(at.open(), withCode('key-malformed', /cannot be read/));
  });

  it('opens no secret that was changed or moved to another name', async () => {
    await using at = await world();
    const vault = await at.open();
    await vault.write('credential/rack1', 'secret');
    const sealed = at.secrets.kept.get('credential/rack1') ?? '';
    at.secrets.kept.set('credential/rack2', sealed);
    await assert.rejects(vault.read('credential/rack2'), withCode('damaged', /moved from another name/));
    const parts = sealed.split('.');
    for (let place = 0; place < (parts[3]?.length ?? 0); place += 1) {
      const body = parts[3] ?? '';
      // The last digit of base64 may hold bits that count for nothing.
      if (place === body.length - 1) continue;
      const changed = `${body.slice(0, place)}${body[place] === 'A' ? 'B' : 'A'}${body.slice(place + 1)}`;
      at.secrets.kept.set('credential/rack1', [parts[0], parts[1], parts[2], changed].join('.'));
      await assert.rejects(vault.read('credential/rack1'), withCode('damaged', /damaged/));
    }
    for (const text of ['', 'v1', sealed.slice(0, 40), `v2${sealed.slice(2)}`]) {
      at.secrets.kept.set('credential/rack1', text);
      await assert.rejects(vault.read('credential/rack1'), withCode('damaged', /no sealed text/));
    }
  });

  it('holds no part of a secret or key in its errors', async () => {
    await using at = await world();
    const vault = await at.open();
    await vault.write('credential/rack1', 'hunter2');
    at.secrets.kept.set('credential/rack1', `${at.secrets.kept.get('credential/rack1')?.slice(0, -4) ?? ''}AAAA`);
    const error: unknown = await vault.read('credential/rack1').catch((cause: unknown) => cause);
    assert.ok(error instanceof VaultError);
    assert.ok(!JSON.stringify([error.message, String(error.cause), error.stack]).includes('hunter2'));
  });
});
