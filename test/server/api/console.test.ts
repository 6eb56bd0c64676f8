import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MachineBmc } from '#services/bmc/bmcs.ts';
import { openConsoles } from '#services/bmc/consoles.ts';
import { openSerialLine } from '#test/services/bmc/serial-line.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { type RunningApi, runningApi } from './running-api.ts';

const BMC: MachineBmc = { machine: 'a', type: 'ipmi', address: '192.0.2.1', credential: 'rack1' };

const ENDS: readonly [string, (api: RunningApi, key: AccessKey) => Promise<unknown> | void][] = [
  ['is removed', (api, key) => api.access.remove(key.id)],
  ['has an end', (api) => void (api.clock.now += 50)],
];

for (const [what, end] of ENDS)
  it(`a console ends with the key that opened it, when that ${what}`, { timeout: 20_000 }, async () => {
    const line = openSerialLine();
    const consoles = openConsoles({
      bmcs: { openSerial: async () => line.driver() },
      newId: () => crypto.randomUUID(),
    });
    await using api = await runningApi({ bmc: { power: { bmcOf: () => BMC }, consoles } as never });
    const { key, secret } = await api.access.createToken({ name: 'mia', role: 'operator', days: 1 });
    api.clock.now = (key.expiresAt ?? 0) - 50;
    const answer = await fetch(`${api.url}/api/v1/machines/a/console`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
    });
    assert.equal(answer.status, 200);
    const id = answer.headers.get('ingot-console') ?? '';
    assert.ok(consoles.get(id));
    await end(api, key);
    await assert.rejects(answer.text());
    while (consoles.get(id)) await new Promise(setImmediate);
  });
