import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runningCli } from '../running-cli.ts';

it('labels and facts that machines have are offered, those of most machines first', async () => {
  await using cli = await runningCli();
  for (const [name, rack] of [
    ['a', 'r1'],
    ['b', 'r2'],
    ['c', 'r2'],
  ])
    await cli.api.send('PUT', `/api/v1/machines/${name}`, {
      kind: 'Machine',
      name,
      labels: { rack, note: 'two words' },
    });
  const { out } = await cli.done('complete', '--', 'machine', 'list', '-l', 'env!=prod,');
  assert.equal(out, 'env!=prod,rack=r2\t2 machines\nenv!=prod,rack=r1\t1 machine\n');
  assert.equal((await cli.done('complete', '--', 'machine', 'list', '-l', 'rack=r1')).out, 'rack=r1\t1 machine\n');
  assert.equal((await cli.done('complete', '--', 'machine', 'list', '--fact', '')).out, '');
});
