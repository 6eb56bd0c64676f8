import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MachineBmc } from '#services/bmc/bmcs.ts';
import { openConsoles } from '#services/bmc/consoles.ts';
import { openSerialLine } from '#test/services/bmc/serial-line.ts';
import { runningApi } from './running-api.ts';

const BMC: MachineBmc = { machine: 'a', type: 'ipmi', address: '192.0.2.1', credential: 'rack1' };

it('a console ends with the key that opened it', { timeout: 20_000 }, async () => {
  const line = openSerialLine();
  const consoles = openConsoles({ bmcs: { openSerial: async () => line.driver() }, newId: () => crypto.randomUUID() });
  await using api = await runningApi({ bmc: { power: { bmcOf: () => BMC }, consoles } as never });
  const { key, secret } = await api.access.createToken({ name: 'mia', role: 'operator' });
  const answer = await fetch(`${api.url}/api/v1/machines/a/console`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
  });
  assert.equal(answer.status, 200);
  const id = answer.headers.get('ingot-console') ?? '';
  assert.ok(consoles.get(id));
  await api.access.remove(key.id);
  await assert.rejects(answer.text());
  while (consoles.get(id)) await new Promise(setImmediate);
});
