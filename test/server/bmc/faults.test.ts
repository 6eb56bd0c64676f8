import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { BmcFault } from '#machines/rack/bmc/faults.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import { consoleRecording } from '#server/bmc/console-recording.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { openBmcService } from '#server/bmc/bmc-service.ts';
import { ACCOUNTS, DRIVERS, PROBES } from '#server/bmc/drivers.ts';
import type { PowerFailure, PowerResult } from '#services/bmc/carry-out.ts';
import { systemClock } from '#services/bmc/clock.ts';
import type { PowerTimes } from '#services/bmc/power-times.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { openRegistry } from '#services/registry/registry.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { openVault } from '#services/vault/vault.ts';
import { CREDENTIAL, HARDWARE, simulatedBmc, TEST_LIMITS } from '#test/services/bmc/redfish/rig.ts';

/** A minute of patience in a second, so that what never comes is given up soon. */
const TIMES: PowerTimes = {
  readMs: 2500,
  writeMs: 3000,
  effectMs: 1200,
  graceMs: 500,
  restMs: 10,
  settleMs: 100,
  lookMs: 20,
  lookCapMs: 200,
  coolDownMs: 0,
  personMs: 1000,
};
/** The sum of what an action may take by those, and of a slow machine. */
const DEADLINE_MS = 60_000;

/** A machine, its BMC as the rack simulates it, and the daemon's service over real sockets. */
async function world(type: 'redfish' | 'ipmi' = 'redfish') {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-bmc-'));
  const store = await openSqliteStore({ dir });
  const log = { info() {}, warn() {}, error() {} };
  const registry = await openRegistry({ store, site: 'default', configSubnets: [], now: Date.now, log });
  let datagrams = 0;
  // One in ten is lost, and the one after it is not: chance would lose an order and all its repetitions now and then.
  const at = await simulatedBmc({ powerMs: 50, random: () => (++datagrams % 10 === 0 ? 0 : 1) });
  const vault = await openVault({
    secrets: store.secrets,
    dataDir: dir,
    credentialsDir: undefined,
    random: randomBytes,
  });
  const service = await openBmcService({
    store,
    vault,
    registry,
    drivers: {
      ...DRIVERS,
      redfish: (target, observer, signal) => openRedfish(target, observer, { signal, limits: TEST_LIMITS }),
    },
    probes: PROBES,
    accounts: ACCOUNTS,
    clock: systemClock,
    chance: () => 0.5,
    random: randomBytes,
    newId: randomUUID,
    times: TIMES,
    log,
  });
  await service.credentials.set('rack1', CREDENTIAL);
  const { uuid } = HARDWARE;
  await registry.put(
    machineDocument.parse({
      kind: 'Machine',
      name: 'node1',
      uuid,
      bmc: { type, address: type === 'redfish' ? at.target.address : at.bmc.ipmi, credential: 'rack1' },
    }),
    { who: 'test' },
  );
  const { signal } = new AbortController();
  return {
    bmc: at.bmc,
    boots: at.boots,
    service,
    act: (action: 'on' | 'off' | 'cycle', boot?: 'network') =>
      service.power.act(
        { machine: 'node1', action, ...(boot ? { boot: { device: boot } } : {}), by: 'test' },
        { signal },
      ),
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const outcome = (result: PowerResult): string => (result.kind === 'done' ? 'done' : result.code);

/** A BMC that worked, and then does not: what `power cycle --boot network` comes to. */
const FAULTS: readonly (readonly [fault: BmcFault, wanted: readonly (PowerFailure | 'done')[]])[] = [
  ['hangs', ['timeout']],
  ['hangs-mid-session', ['timeout']],
  ['unavailable', ['busy']],
  ['drops-tcp', ['unreachable', 'timeout']],
  ['cuts-answers', ['malformed', 'timeout']],
  ['malformed', ['malformed']],
  ['forgets-once', ['done']],
  ['lies', ['no-effect']],
  ['ignores-power', ['no-effect']],
  ['stuck-powering-on', ['no-effect']],
  ['other-certificate', ['certificate']],
  ['wrong-clock', ['done']],
  ['password-changed', ['credential', 'done']],
  ['must-change-password', ['privilege', 'credential']],
  ['no-sessions', ['sessions', 'done']],
];

/** The same by IPMI. */
const IPMI_FAULTS: typeof FAULTS = [
  ['hangs', ['timeout']],
  ['hangs-mid-session', ['timeout']],
  ['unavailable', ['busy', 'timeout']],
  ['ipmi-off', ['timeout', 'unreachable']],
  ['loses-packets', ['done']],
  ['forgets-once', ['done']],
  ['lies', ['no-effect']],
  ['ignores-power', ['no-effect']],
  ['wrong-clock', ['done']],
  ['password-changed', ['credential', 'done']],
  ['no-sessions', ['sessions', 'done']],
];
const ALL = [
  ...FAULTS.map(([fault, wanted]) => ['redfish', fault, wanted] as const),
  ...IPMI_FAULTS.map(([fault, wanted]) => ['ipmi', fault, wanted] as const),
];

describe('a BMC that fails', { concurrency: 16 }, () => {
  for (const [type, fault, wanted] of ALL) {
    it(`${type}, ${fault}: ends in ${wanted.join(' or ')}, stated, inside its deadline; and is no stuck machine`, async () => {
      await using at = await world(type);
      assert.equal(outcome(await at.act('on')), 'done');
      at.bmc.faults.add(fault);
      const begun = performance.now();
      const result = await at.act('cycle', 'network');
      const took = performance.now() - begun;
      assert.ok(wanted.includes(outcome(result) as PowerFailure | 'done'), JSON.stringify(result));
      assert.ok(took < DEADLINE_MS, `${took} ms`);
      if (result.kind === 'failed') {
        assert.notEqual(result.because, '');
        assert.notEqual(result.next, '');
      }
      // It comes back, and with it the machine: a person has set the credential again where it was refused.
      at.bmc.faults.delete(fault);
      await at.service.credentials.set('rack1', CREDENTIAL);
      if (fault === 'stuck-powering-on') return;
      const after = await at.act('cycle', 'network');
      assert.equal(outcome(after), 'done', JSON.stringify(after));
      assert.equal(at.boots.at(-1), 'network');
    });
  }

  it('one that says yes to a boot setting and keeps another is not turned on', async () => {
    await using at = await world();
    at.bmc.faults.add('lies');
    assert.equal(outcome(await at.act('on', 'network')), 'not-stored');
    assert.deepEqual(at.boots, []);
  });

  it('a first visit pins the certificate, and another one gets no credential', async () => {
    await using at = await world();
    await at.act('on');
    const [first] = await at.service.list();
    assert.match(first?.pin?.sha256 ?? '', /^[0-9a-f]{64}$/);
    at.bmc.faults.add('other-certificate');
    await at.service.credentials.set('rack1', CREDENTIAL);
    assert.equal(outcome(await at.act('off')), 'certificate');
    const { signal } = new AbortController();
    const { shown } = await at.service.pin('node1', undefined, signal);
    assert.notEqual(shown.sha256, first?.pin?.sha256);
    await assert.rejects(at.service.pin('node1', first?.pin?.sha256, signal), /nothing was pinned/);
    assert.equal((await at.service.pin('node1', shown.sha256, signal)).changed, true);
    assert.equal((await at.service.list())[0]?.proven, undefined, 'another certificate may be another BMC');
    assert.equal(outcome(await at.act('off')), 'done');
  });

  it('rotation: a new password, proven by a login, and the old one no more', async () => {
    await using at = await world();
    await at.act('on');
    const { signal } = new AbortController();
    await at.service.rotate('node1', signal);
    assert.equal(outcome(await at.act('off')), 'done');
    assert.equal((await at.service.list())[0]?.credential?.own, true);
    await assert.rejects(
      openRedfish({ type: 'redfish', address: at.bmc.url, credential: CREDENTIAL }, undefined, { limits: TEST_LIMITS }),
      /credential|password|refuse/i,
    );
  });

  for (const type of ['redfish', 'ipmi'] as const) {
    it(`a user of its own by ${type}: made, proven by a login, rotated; the administrator stays as it was`, async () => {
      await using at = await world(type);
      const { signal } = new AbortController();
      const own = CREDENTIAL.username === 'ingot' ? 'ingot-own' : 'ingot';
      const wanted = { ...CREDENTIAL, labels: {}, ownUser: true };
      await at.service.credentials.apply('rack1', wanted, { dryRun: false, from: undefined });
      assert.equal((await at.service.rotate('node1', signal)).username, own);
      assert.equal(outcome(await at.act('on')), 'done');
      const [first] = await at.service.list();
      assert.deepEqual([first?.credential?.own, first?.credential?.username], [true, own]);
      assert.equal((await at.service.rotate('node1', signal)).username, own);
      assert.equal(outcome(await at.act('off')), 'done');
      const { pin } = first ?? {};
      const target = {
        type,
        address: first?.address ?? '',
        credential: CREDENTIAL,
        ...(pin ? { pin: pin.sha256 } : {}),
      };
      await using admin =
        type === 'ipmi' ? await openIpmi(target) : await openRedfish(target, undefined, { limits: TEST_LIMITS });
      assert.equal((await admin.status(AbortSignal.timeout(5000))).power, 'off');
    });
  }

  it('what its console says of a boot is in the trace, and a person gets the console at once', async () => {
    await using at = await world('ipmi');
    const lines: string[] = [];
    const watchers = new Set<(attempt: Attempt, event: undefined) => void>();
    const bmc = at.service.power.bmcOf('node1');
    assert.ok(bmc);
    const recording = consoleRecording({
      recorder: {
        record: (_subject, body) => void (body.kind === 'log' && lines.push(body.text)),
        watch(watcher) {
          watchers.add(watcher);
          return () => void watchers.delete(watcher);
        },
      },
      registry: { machine: () => sampleMachine({ name: 'node1', recordConsole: true }), profile: () => undefined },
      consoles: at.service.consoles,
      bmcOf: () => bmc,
      clock: systemClock,
      log: { info() {}, error() {} },
    });
    const stop = new AbortController();
    const running = recording.run(stop.signal);
    for (const watcher of watchers) watcher(attemptOf('node1'), undefined);
    while (lines.length === 0) await at.act('cycle');
    assert.doesNotMatch(lines.join(''), /\p{Cc}/u);
    await using person = await at.service.consoles.open(bmc, 'alice', stop.signal);
    assert.match(lines.at(-1) ?? '', /the recording ends here: alice opened the console/);
    const mine = person.output[Symbol.asyncIterator]();
    const first = mine.next();
    await at.act('cycle');
    assert.ok(((await first).value?.length ?? 0) > 0);
    stop.abort();
    await running;
  });

  it('inventory is read with the power off, kept, and joined', async () => {
    await using at = await world();
    const { signal } = new AbortController();
    const found = await at.service.inventory('node1', signal);
    assert.equal(found.system.serial, HARDWARE.serial);
    assert.ok(found.nics.length > 0 && found.disks.length > 0 && found.processors.length > 0);
    const [bmc] = await at.service.list();
    assert.match(bmc?.proven?.by ?? '', /UUID/);
  });
});
