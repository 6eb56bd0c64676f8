import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FINGERPRINT } from '#test/server/bmc/fake-bmcs.ts';
import { escapeReader } from '../../cli/commands/console.ts';
import { runningCli } from './running-cli.ts';

const UUID = (unit: number): string => `12345678-1234-5678-9abc-0000000000${String(unit).padStart(2, '0')}`;
const address = (unit: number): string => `https://192.0.2.${unit}`;

/** Machines r1-u1 and on with a BMC each, the credential they are opened with, and the fakes behind them. */
async function rack(units: number) {
  const cli = await runningCli();
  const fakes = Array.from({ length: units }, (_, at) =>
    cli.api.bmcs.add(address(at + 1), {
      macs: [],
      uuid: UUID(at + 1),
      bmcVendor: 'Fake',
      product: 'One',
      bmcVersion: '1',
    }),
  );
  await cli.run(['bmc', 'credentials', 'set', 'rack1', '--username', 'admin', '--password-file', '-'], {
    input: 'secret\n',
  });
  for (const [at] of fakes.entries()) {
    const name = `r1-u${at + 1}`;
    await cli.api.send('PUT', `/api/v1/machines/${name}`, {
      kind: 'Machine',
      name,
      uuid: UUID(at + 1),
      location: { rack: 'r1' },
      bmc: { type: 'redfish', address: address(at + 1), credential: 'rack1' },
    });
  }
  return { ...cli, fakes, [Symbol.asyncDispose]: () => cli[Symbol.asyncDispose]() };
}

describe('ingot power', () => {
  it('turns a range on, says how far it is, and is done when all are', async () => {
    await using at = await rack(3);
    const { out, error } = await at.done('power', 'on', 'r1-u1..3', '--boot', 'network');
    assert.match(error, /3 machines: r1-u1, r1-u2, r1-u3/);
    assert.match(error, /0\/3 {2}r1-u1: /);
    assert.deepEqual(out.trim().split('\n').length, 3);
    assert.match(out, /3\/3 {2}r1-u\d: on/);
    for (const { machine } of at.fakes) assert.deepEqual(machine.boots, ['network']);
  });

  it('gives documents with -o json, one or several', async () => {
    await using at = await rack(2);
    const one = JSON.parse((await at.done('power', 'on', 'r1-u1', '-o', 'json')).out) as { power: string };
    assert.equal(one.power, 'on');
    const two = JSON.parse((await at.done('power', 'status', 'r1-u1..2', '-o', 'json')).out) as {
      machine: string;
      power: string;
    }[];
    assert.deepEqual(
      two.map(({ machine, power }) => [machine, power]),
      [
        ['r1-u1', 'on'],
        ['r1-u2', 'off'],
      ],
    );
    assert.match((await at.done('power', 'status')).out, /r1-u1 +on +ok/);
  });

  it('goes on with the others when one fails, says why and what next, and ends with 1', async () => {
    await using at = await rack(2);
    at.fakes[0]?.machine.faults.failing.push(undefined, ...Array.from({ length: 100 }, () => 'privilege' as const));
    const { status, out, error } = await at.run(['power', 'on', 'r1-u1..2']);
    assert.equal(status, 1);
    assert.match(out, /r1-u2: on/);
    assert.match(error, /r1-u1: .*privilege/);
    assert.match(error, /next: give the BMC’s user the role/);
  });

  it('asks before it turns off several, and refuses what is locked', async () => {
    await using at = await rack(2);
    const asked = await at.run(['power', 'off', 'r1-u1..2']);
    assert.equal(asked.status, 2);
    assert.match(
      asked.error,
      /Turn off 2 machines\? Nobody can be asked here\n {2}next: ingot power off r1-u1..2 --yes/,
    );
    await at.done('machine', 'lock', 'r1-u1');
    const { status, out, error } = await at.run(['power', 'off', 'r1-u1..2', '--yes']);
    assert.equal(status, 5);
    assert.match(error, /r1-u1: it is locked/);
    assert.match(out, /r1-u2: it was off/);
  });

  it('does not command a BMC that nothing proves to be the machine’s, unless it is told so', async () => {
    await using at = await rack(1);
    at.api.bmcs.add('https://192.0.2.9', { macs: [], uuid: UUID(9) });
    await at.done('bmc', 'set', 'r1-u1', '--address', 'https://192.0.2.9');
    const refused = await at.run(['power', 'on', 'r1-u1']);
    assert.equal(refused.status, 1);
    assert.match(refused.error, /not proven: its BMC says UUID .*09, and the machine itself/);
    await at.done('power', 'on', 'r1-u1', '--unproven');
  });

  it('asks before one loses its power that somebody counts on; without a terminal it says what to type', async () => {
    await using at = await rack(2);
    await at.done('power', 'on', 'r1-u1..2');
    const job = await at.api.jobs.submit({ kind: 'inspect', machine: 'r1-u1', by: 'anna' });
    assert.equal(
      (await at.run(['power', 'cycle', 'r1-u1'])).status,
      0,
      'nothing is done to it yet, and nobody uses it',
    );
    await at.api.store.jobs.put({ ...job, state: 'running' }, job.rev);
    const working = await at.run(['power', 'reset', 'r1-u1']);
    assert.equal(working.status, 2);
    assert.match(
      working.error,
      /r1-u1: its inspect is under way, and fails without power\nReset r1-u1\? Nobody .*\n {2}next: ingot power reset r1-u1 --yes/,
    );
    await at.done('machine', 'adopt', 'r1-u2');
    const serving = await at.run(['power', 'off', 'r1-u2', '--force']);
    assert.equal(serving.status, 2);
    assert.match(serving.error, /r1-u2: it is in service\n.*next: ingot power off --force r1-u2 --yes/s);
    await at.done('power', 'on', 'r1-u2');
    await at.done('power', 'off', 'r1-u2', '--yes');
    const both = await at.run(['power', 'cycle', 'r1-u1..2']);
    assert.match(both.error, /r1-u1: its inspect.*r1-u2: it is in service.*ingot power cycle r1-u1..2 --yes/s);
  });

  it('says that nobody is asked to do anything by hand', async () => {
    await using at = await rack(1);
    assert.match((await at.done('power', 'confirm')).error, /nobody is asked/);
    assert.equal((await at.run(['power', 'confirm', 'r1-u1'])).status, 3);
  });
});

describe('ingot bmc', () => {
  it('shows who does what, and a secret nowhere', async () => {
    await using at = await rack(2);
    await at.done('power', 'on', 'r1-u1');
    const shown = await at.done('bmc', 'show', 'r1-u1');
    assert.match(shown.out, /proven +by UUID/);
    assert.match(shown.out, /by its BMC +status, on, off/);
    assert.match(shown.out, /credential +rack1 \(shared\)/);
    const everything = [
      shown.out,
      (await at.done('bmc', 'list', '-o', 'json')).out,
      (await at.done('bmc', 'show', 'r1-u1', '-o', 'json')).out,
      (await at.done('bmc', 'credentials', 'list', '-o', 'json')).out,
      (await at.done('bmc', 'credentials', 'list')).out,
      (await at.done('get', 'machines', '-o', 'json')).out,
      JSON.stringify(await at.api.audit()),
    ].join('\n');
    assert.doesNotMatch(everything, /secret"|: secret|"secret/);
    assert.match(everything, /\*\*\*/);
  });

  it('finds BMCs without a credential, and logs in only after that was confirmed', async () => {
    await using at = await rack(2);
    const found = await at.done('bmc', 'discover', '192.0.2.0/29');
    assert.match(found.out, new RegExp(`https://192.0.2.1 +redfish +r1-u1 +Fake +${FINGERPRINT}`));
    assert.match(found.error, /found at 6 addresses/);
    for (const { logins } of at.fakes) assert.deepEqual(logins, []);
    const asked = await at.run(['bmc', 'try', 'https://192.0.2.1', '--credential', 'rack1']);
    assert.match(asked.error, new RegExp(FINGERPRINT), 'shown before the question');
    assert.deepEqual(at.fakes[0]?.logins, []);
    const tried = await at.done('bmc', 'try', 'https://192.0.2.1', '--credential', 'rack1', '--yes');
    assert.match(tried.out, /opened/);
    assert.equal(at.fakes[0]?.logins.length, 1);
    assert.equal((await at.run(['bmc', 'discover', '10.0.0.0/8'])).status, 5);
    assert.match((await at.run(['bmc', 'discover', '10.0.0.0/19'])).error, /is 8,192 addresses, want \/20 at most/);
  });

  it('spares the others when three have refused a credential', async () => {
    await using at = await rack(5);
    for (const fake of at.fakes) fake.password = 'another';
    const addresses = at.fakes.map((_, index) => address(index + 1));
    const { status, out } = await at.run(['bmc', 'try', ...addresses, '--credential', 'rack1', '--yes', '-o', 'json']);
    assert.equal(status, 1);
    const outcomes = (JSON.parse(out) as { outcome: string }[]).map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, ['refused', 'refused', 'refused', 'not-tried', 'not-tried']);
    // And one of them is asked once more, and never a third time within the hour.
    await at.run(['bmc', 'try', address(1), '--credential', 'rack1', '--yes']);
    await at.run(['bmc', 'try', address(1), '--credential', 'rack1', '--yes']);
    assert.equal(at.fakes[0]?.logins.length, 2);
  });

  it('refuses a changed certificate until a person pins it', async () => {
    await using at = await rack(1);
    await at.done('power', 'on', 'r1-u1');
    const [fake] = at.fakes;
    assert.ok(fake);
    fake.fingerprint = 'cd'.repeat(32);
    // The session that is open knows nothing of it; a new one would.
    await at.api.send('PUT', '/api/v1/bmc-credentials/rack1', { username: 'admin', password: 'secret' });
    const logins = fake.logins.length;
    const refused = await at.run(['power', 'status', 'r1-u1']);
    assert.match(refused.error, /another certificate/);
    assert.match(refused.error, /ingot bmc pin r1-u1/);
    assert.equal(fake.logins.length, logins, 'no credential was sent');
    assert.equal((await at.run(['bmc', 'pin', 'r1-u1'])).status, 5);
    await at.done('bmc', 'pin', 'r1-u1', '--sha256', 'cd'.repeat(32));
    assert.match((await at.done('power', 'status', 'r1-u1')).out, /on/);
  });

  it('gives a BMC a password of its own', async () => {
    await using at = await rack(2);
    const { out } = await at.done('bmc', 'rotate', 'r1-u1');
    const [fake, other] = at.fakes;
    assert.notEqual(fake?.password, 'secret');
    assert.equal(fake?.password.length, 16);
    assert.doesNotMatch(out, new RegExp(fake?.password ?? ''));
    assert.equal(other?.password, 'secret');
    await at.done('power', 'on', 'r1-u1');
    assert.match((await at.done('bmc', 'show', 'r1-u1')).out, /credential +its own/);
    assert.match(
      (await at.done('bmc', 'credentials', 'list')).out,
      /rack1 +admin +\*\*\* .* 1/,
      'it opens one BMC now',
    );
  });

  it('reads inventory, events and lights the light', async () => {
    await using at = await rack(1);
    assert.match((await at.done('bmc', 'inventory', 'r1-u1')).out, /r1-u1, as its BMC says/);
    assert.match((await at.done('bmc', 'events', 'r1-u1')).out, /fake started/);
    await at.done('locate', 'r1-u1', '--seconds', '30');
    assert.equal(at.fakes[0]?.machine.light(), 30);
    await at.done('bmc', 'identify', 'r1-u1', '--off');
    assert.equal(at.fakes[0]?.machine.light(), 0);
    assert.deepEqual(JSON.parse((await at.done('bmc', 'export-quirks')).out), []);
  });

  it('keeps a credential that opens something', async () => {
    await using at = await rack(1);
    const { status, error } = await at.run(['bmc', 'credentials', 'remove', 'rack1']);
    assert.equal(status, 5);
    assert.match(error, /opens https:\/\/192\.0\.2\.1/);
  });
});

describe('ingot console', () => {
  it('shows what the machine says, and leaves when the person does', async () => {
    await using at = await rack(1);
    const leave = new AbortController();
    const { status, out } = await at.run(['console', 'r1-u1'], {
      signal: leave.signal,
      onOut: (text) => {
        if (text.includes('login: ')) leave.abort();
      },
    });
    assert.equal(status, 0);
    assert.match(out, /login: /);
  });

  it('types what is typed, and ~. at the beginning of a line leaves', () => {
    const feed = (...texts: readonly string[]) => {
      const read = escapeReader();
      return texts.map((text) => {
        const { send, leaves } = read(Buffer.from(text));
        return [Buffer.from(send).toString(), leaves];
      });
    };
    assert.deepEqual(feed('a~.b'), [['a~.b', false]]);
    assert.deepEqual(feed('~.'), [['', true]]);
    assert.deepEqual(feed('ls\r', '~', '.'), [
      ['ls\r', false],
      ['', false],
      ['', true],
    ]);
    assert.deepEqual(feed('~~x'), [['~x', false]]);
    assert.deepEqual(feed('~/bin'), [['~/bin', false]]);
  });
});
