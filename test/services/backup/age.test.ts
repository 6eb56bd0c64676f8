import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CHUNK_BYTES, decryptAge, encryptAge } from '#services/backup/age.ts';
import { AgeError } from '#services/backup/age-error.ts';
import {
  type AgeIdentity,
  type AgeRecipient,
  newAgeKey,
  parseAgeIdentities,
  parseAgeRecipient,
} from '#services/backup/age-keys.ts';

const PASSPHRASE: AgeRecipient & AgeIdentity = { kind: 'passphrase', passphrase: 'correct horse battery staple' };
const SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17];

type Pair = { readonly recipient: AgeRecipient; readonly identities: readonly AgeIdentity[]; readonly text: Text };
type Text = { readonly identity: string; readonly recipient: string };

function newPair(): Pair {
  const text = newAgeKey(randomBytes);
  const recipient = parseAgeRecipient(text.recipient);
  const identities = parseAgeIdentities(`# made for a test\n${text.identity}\n`);
  assert.ok(recipient && identities);
  return { recipient, identities, text };
}

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

const sealed = async (text: Uint8Array, ...recipients: readonly AgeRecipient[]): Promise<Buffer> =>
  await all(encryptAge(inParts(text, 10_000), { recipients, random: randomBytes }));
const opened = async (file: Uint8Array, identities: readonly AgeIdentity[], size = 10_000): Promise<Buffer> =>
  await all(decryptAge(inParts(file, size), { identities }));

test('what is sealed for a key comes back, at every size around a chunk and in parts of any size', async () => {
  const { recipient, identities } = newPair();
  for (const size of SIZES) {
    const text = randomBytes(size);
    const file = await sealed(text, newPair().recipient, recipient);
    for (const part of [977, 70_000]) assert.deepEqual(await opened(file, identities, part), text, `${size} bytes`);
  }
});

test('a passphrase opens what it sealed; another, or a key, is told apart from damage', async () => {
  const file = await sealed(Buffer.from('the data'), PASSPHRASE);
  assert.equal((await opened(file, [PASSPHRASE])).toString(), 'the data');
  await assert.rejects(opened(file, [{ kind: 'passphrase', passphrase: 'wrong' }]), {
    code: 'not-for-us',
    message: 'is not opened by this passphrase',
  });
  await assert.rejects(opened(file, newPair().identities), {
    code: 'not-for-us',
    message: 'is opened by a passphrase, and a key was given',
  });
  await assert.rejects(sealed(Buffer.from('x'), PASSPHRASE, newPair().recipient), /want the passphrase alone/);
});

test('a file that is cut off anywhere is refused, at the border of a chunk too', async () => {
  const { recipient, identities } = newPair();
  const file = await sealed(randomBytes(2 * CHUNK_BYTES + 5), recipient);
  const payload = file.length - (2 * CHUNK_BYTES + 5 + 3 * 16);
  const borders = [payload, payload + CHUNK_BYTES + 16, payload + 2 * (CHUNK_BYTES + 16)];
  const cuts = [
    0,
    1,
    40,
    ...borders.flatMap((border) => [border - 1, border, border + 1, border + 16]),
    file.length - 1,
  ];
  for (const cut of cuts) {
    await assert.rejects(opened(file.subarray(0, cut), identities), (error) => {
      assert.ok(error instanceof AgeError, String(error));
      assert.match(error.code, /^(truncated|damaged)$/, `cut at ${cut}`);
      return true;
    });
  }
  await assert.rejects(opened(file.subarray(0, borders[1]), identities), { code: 'truncated' });
});

test('any changed byte, chunks that change places and bytes behind the end are refused', async () => {
  const { recipient, identities } = newPair();
  const file = await sealed(randomBytes(2 * CHUNK_BYTES), recipient);
  const header = file.indexOf('\n---') + 1;
  for (const at of [...Array.from({ length: header + 48 }, (_, index) => index), header + 80, file.length - 1]) {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    await assert.rejects(opened(changed, identities), (error) => error instanceof AgeError, `byte ${at}`);
  }
  const chunk = CHUNK_BYTES + 16;
  const first = file.length - 2 * chunk;
  const swapped = Buffer.concat([
    file.subarray(0, first),
    file.subarray(first + chunk),
    file.subarray(first, first + chunk),
  ]);
  await assert.rejects(opened(swapped, identities), { code: 'damaged' });
  await assert.rejects(opened(Buffer.concat([file, Buffer.alloc(20)]), identities), { code: 'damaged' });
});

test('keys that are none are refused', () => {
  const { text } = newPair();
  assert.equal(parseAgeRecipient(text.identity), undefined);
  assert.equal(
    parseAgeRecipient(`${text.recipient.slice(0, -1)}${text.recipient.endsWith('q') ? 'p' : 'q'}`),
    undefined,
  );
  assert.equal(parseAgeIdentities(text.recipient), undefined);
  assert.equal(parseAgeIdentities(`${text.identity}\nnonsense`), undefined);
  assert.equal(parseAgeIdentities('# nothing\n'), undefined);
});
