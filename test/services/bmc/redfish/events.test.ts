import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { withCode } from './error-code.ts';
import { fromTree, plainTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const LOGS = '/redfish/v1/Systems/1/LogServices';

/** A service with logs by their ids; a log that is no list cannot be read. */
function withLogs(logs: Readonly<Record<string, readonly unknown[] | 'broken'>>) {
  const ids = Object.keys(logs);
  return plainTree({
    '/redfish/v1/Systems/1': { PowerState: 'On', LogServices: { '@odata.id': LOGS } },
    [LOGS]: { Members: ids.map((id) => ({ '@odata.id': `${LOGS}/${id}` })) },
    ...Object.fromEntries(
      ids.flatMap((id) => [
        [`${LOGS}/${id}`, { Id: id, Entries: { '@odata.id': `${LOGS}/${id}/Entries` } }],
        [`${LOGS}/${id}/Entries`, logs[id] === 'broken' ? 'no JSON' : { Members: logs[id] }],
      ]),
    ),
  });
}

const line = (Id: string, Created: string, Message = Id, Severity = 'OK') => ({ Id, Created, Message, Severity });

describe('events', () => {
  it('are newest last, with their severity, where the BMC tells the newest first', async () => {
    await using service = await scripted(
      fromTree(
        withLogs({
          Sel: [
            line('3', '2026-01-03T00:00:00Z', 'A fan failed.', 'Critical'),
            line('2', '2026-01-02T01:00:00+01:00', 'A cover was opened.', 'Warning'),
            { Id: '1', Created: 'never', MessageId: 'IDRAC.2.8.LOG007' },
          ],
        }),
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits: TEST_LIMITS });
    assert.deepEqual(await driver.events(soon()), [
      { id: '1', severity: 'ok', text: 'IDRAC.2.8.LOG007' },
      { id: '2', at: Date.UTC(2026, 0, 2), severity: 'warning', text: 'A cover was opened.' },
      { id: '3', at: Date.UTC(2026, 0, 3), severity: 'critical', text: 'A fan failed.' },
    ]);
  });

  it('of several logs have the log in their id; audit logs are no events, a broken log is left out', async () => {
    await using service = await scripted(
      fromTree(
        withLogs({
          IML: [line('1', '2026-01-02T00:00:00Z')],
          IEL: [line('1', '2026-01-01T00:00:00Z'), {}, 7],
          AuditLog: [line('1', '2026-01-03T00:00:00Z')],
          Event: 'broken',
        }),
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits: TEST_LIMITS });
    assert.deepEqual(
      (await driver.events(soon())).map(({ id }) => id),
      ['IEL/1', 'IML/1'],
    );
  });

  it('cannot be told where no log can be read', async () => {
    await using service = await scripted(fromTree(withLogs({ Event: 'broken' })));
    await using driver = await openRedfish(service.target, undefined, { limits: TEST_LIMITS });
    await assert.rejects(driver.events(soon()), withCode('malformed'));
  });

  it('come whole where they come in pages', async () => {
    await using rig = await simulatedBmc({ quirks: ['pages'] });
    await using driver = await rig.open();
    for (let index = 0; index < 8; index++) {
      rig.bmc.board.log.add({ severity: 'OK', text: `line ${index}`, sensorType: 1, sensor: 1, offset: 0 });
    }
    const texts = (await driver.events(soon())).map(({ text }) => text);
    assert.deepEqual(
      texts.slice(-8),
      Array.from({ length: 8 }, (_, index) => `line ${index}`),
    );
  });
});
