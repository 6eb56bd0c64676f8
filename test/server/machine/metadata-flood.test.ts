import assert from 'node:assert/strict';
import { it } from 'node:test';
import fastify from 'fastify';
import { addMetadataRoutes, type MetadataParts } from '#server/machine/metadata.ts';

const never = (): never => assert.fail('nobody comes so far');

it('a flood of guesses from as many addresses as there are fills no audit log', async () => {
  const written: string[] = [];
  const app = fastify();
  const parts: MetadataParts = {
    tokens: { use: async () => ({ kind: 'unknown' }) },
    metadata: { read: never },
    registry: { machineByMac: never, profile: never },
    recorder: { record: never },
    holding: () => ({ kind: 'elsewhere', mac: undefined }),
    planOf: never,
    jobsOf: never,
    audit: async ({ who }) => void written.push(who),
    log: { warn() {}, error: never },
    now: () => 1_000_000,
  };
  addMetadataRoutes(app, parts);
  for (let host = 0; host < 1000; host += 1) {
    const remoteAddress = `2001:db8::${host.toString(16)}`;
    const { statusCode } = await app.inject({ url: `/m/ingot_${'A'.repeat(43)}/nocloud/user-data`, remoteAddress });
    assert.equal(statusCode, 404);
  }
  assert.equal(written.length, 500);
  await app.close();
});
