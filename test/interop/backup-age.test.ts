import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHUNK_BYTES, decryptAge, encryptAge } from '#services/backup/age.ts';
import { type AgeRecipient, newAgeKey, parseAgeIdentities, parseAgeRecipient } from '#services/backup/age-keys.ts';
import { need } from '../lab/need.ts';

const SIZES = [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17];
const PASSPHRASE = { kind: 'passphrase', passphrase: 'correct horse battery staple' } as const;

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
const sealed = async (text: Uint8Array, ...recipients: readonly AgeRecipient[]): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(encryptAge(whole(text), { recipients, random: randomBytes })));
const opened = async (file: Uint8Array, identities: Parameters<typeof decryptAge>[1]['identities']): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(decryptAge(whole(file), { identities })));

test('Debian’s age opens our files, and we open its', async (t) => {
  const tools = need(t, ['age', 'age-keygen']);
  if (!tools) return;
  const dir = mkdtempSync(join(tmpdir(), 'ingot-age-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const key = join(dir, 'key');
  execFileSync(tools['age-keygen'], ['-o', key], { stdio: 'pipe' });
  const keyText = readFileSync(key, 'utf8');
  const identities = parseAgeIdentities(keyText);
  const recipientText = /public key: (\S+)/.exec(keyText)?.[1] ?? '';
  const recipient = parseAgeRecipient(recipientText);
  const other = parseAgeRecipient(newAgeKey(randomBytes).recipient);
  assert.ok(identities && recipient && other);
  for (const size of SIZES) {
    const text = randomBytes(size);
    const theirs: Buffer = execFileSync(tools.age, ['-r', recipientText, '-r', newAgeKey(randomBytes).recipient], {
      input: text,
    });
    assert.deepEqual(await opened(theirs, identities), text);
    const ours = join(dir, 'ours.age');
    writeFileSync(ours, await sealed(text, other, recipient));
    assert.deepEqual(execFileSync(tools.age, ['-d', '-i', key, ours], { maxBuffer: 1 << 24 }), text);
  }
});

test('Debian’s age asks for our passphrase, and its passphrase opens its file here', async (t) => {
  const tools = need(t, ['age']);
  if (!tools) return;
  const dir = mkdtempSync(join(tmpdir(), 'ingot-age-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [ours, out, theirs, plain] = ['ours.age', 'out', 'theirs.age', 'plain'].map((name) => join(dir, name));
  assert.ok(ours && out && theirs && plain);
  writeFileSync(ours, await sealed(Buffer.from('for age'), PASSPHRASE));
  writeFileSync(plain, 'from age');
  // age reads passphrases from a terminal only; script(1) is one.
  const typed = (command: string, times: number) => {
    const input = `${PASSPHRASE.passphrase}\n`.repeat(times);
    return spawnSync('script', ['-qec', command, '/dev/null'], { input, encoding: 'utf8' });
  };
  const told = typed(`${tools.age} -d -o ${out} ${ours}`, 1);
  assert.equal(readFileSync(out, 'utf8'), 'for age', told.stdout);
  const made = typed(`${tools.age} -p -o ${theirs} ${plain}`, 2);
  assert.equal(made.status, 0, made.stdout);
  const file = readFileSync(theirs);
  assert.equal((await opened(file, [PASSPHRASE])).toString(), 'from age');
});
