import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { learnedFor } from '#services/bmc/decide/quirks.ts';
import { runningCli } from './running-cli.ts';

const QUIRKS = [
  { vendor: 'AMI', product: 'X12', version: '1.2/3', learned: { 'boot.form': 'whole', exit: 'chain' }, seenOn: 7 },
];

describe('quirks of BMCs', () => {
  it('are taken from another Ingot, and are where BMCs of that model start from', async () => {
    await using cli = await runningCli();
    const { out } = await cli.run(['bmc', 'import-quirks', '-'], { input: JSON.stringify(QUIRKS) });
    assert.match(out, /^1 models/);
    const given = JSON.parse((await cli.done('bmc', 'export-quirks')).out) as typeof QUIRKS;
    assert.deepEqual(given[0]?.learned, QUIRKS[0]?.learned);
    assert.deepEqual(await cli.api.bmcs.service.list(), [], 'they are no BMC');
    const identity = { macs: [], bmcVendor: 'AMI', product: 'X12', bmcVersion: '1.2/3' };
    const stored = await cli.api.store.bmcs.all();
    const fresh = { address: 'https://192.0.2.1', type: 'redfish', identity, learned: {} } as const;
    assert.deepEqual(learnedFor(fresh, [...stored, fresh]), QUIRKS[0]?.learned);
    const taught = { ...fresh, learned: { exit: 'sanboot' }, seenAt: 5 };
    assert.equal(learnedFor(fresh, [...stored, taught, fresh])['exit'], 'sanboot', 'a real one knows better');
  });

  it('of another form are refused, and nothing is kept', async () => {
    await using cli = await runningCli();
    for (const input of ['no json', '{}', '[{"vendor":"AMI"}]']) {
      const { status, error } = await cli.run(['bmc', 'import-quirks', '-'], { input });
      assert.equal(status, 2, input);
      assert.match(error, /want what ingot bmc export-quirks gives/);
    }
    assert.deepEqual(await cli.api.store.bmcs.all(), []);
  });
});
