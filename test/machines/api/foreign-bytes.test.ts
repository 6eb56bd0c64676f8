import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { askedOfTalos, GOLDEN_MESSAGES } from './foreign-bytes.ts';

const definition = loadMachineApi();
const line = z.object({ message: z.string(), hex: z.string(), value: z.record(z.string(), z.unknown()) });
const [first = '', ...rest] = readFileSync(GOLDEN_MESSAGES, 'utf8').trim().split('\n');
const samples = rest.map((text) => line.parse(JSON.parse(text)));

/** As Talos' generated code encodes them, every field filled (test/interop/machine-api/golden-bytes). */
describe(`messages by ${z.object({ module: z.string() }).parse(JSON.parse(first)).module}`, () => {
  for (const [index, { message, hex, value }] of samples.entries()) {
    it(`${message} (${index})`, () => {
      const codec = message === 'google.protobuf.Empty' ? EMPTY : definition.message(message);
      const read = codec.deserialize(Buffer.from(hex, 'hex'));
      // A field that we lacked, or had by another number, would be lost on the way back.
      assert.equal(codec.serialize(read).toString('hex'), hex);
      assert.partialDeepStrictEqual(plain(read), value);
    });
  }

  it('are all that methods and events of ours need', () => {
    const have = new Set(samples.map(({ message }) => message));
    const names = [...definition.methods].filter(([path]) => !path.startsWith('/ingot.')).length;
    assert.ok(names > 40);
    for (const asked of askedOfTalos(definition).filter((one) => !one.startsWith('/')))
      assert.ok(have.has(asked), asked);
    // Requests and responses of methods that share them are there once.
    assert.ok(have.size > names, `${have.size} messages for ${names} methods`);
  });
});

const { requestSerialize, requestDeserialize } =
  definition.methods.get('/machine.MachineService/Hostname') ?? assert.fail();
const EMPTY = {
  serialize: (message: object) => Buffer.from(requestSerialize(message)),
  deserialize: (bytes: Buffer): object => requestDeserialize(bytes),
};

/** Bytes as the file has them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
