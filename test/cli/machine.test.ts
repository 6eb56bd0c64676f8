import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { runningCli } from './running-cli.ts';

const HOSTILE = 'evil\u001b[2J\u202e\nname';

describe('ingot machine', () => {
  it('adds, lists and shows', async () => {
    await using cli = await runningCli();
    const { out } = await cli.done(
      'machine',
      'add',
      'r1-u1',
      '-m',
      '525400000001',
      '--rack',
      'r1',
      '--unit',
      '1',
      '--label',
      'env=lab',
    );
    assert.match(out, /^r1-u1 added and accepted; it has no profile/);
    assert.match((await cli.done('machine', 'list')).out, /^NAME +STANDING.*\nr1-u1 +accepted/);
    assert.match((await cli.done('machine', 'show', '52:54:00:00:00:01')).out, /^r1-u1\n[\s\S]*labels +env=lab/);
    const [machine] = JSON.parse((await cli.done('machine', 'list', '-o', 'json')).out) as { name: string }[];
    assert.equal(machine?.name, 'r1-u1');
  });

  it('names the option that is wrong', async () => {
    await using cli = await runningCli();
    const { status, error } = await cli.run([
      'machine',
      'add',
      'r1-u1',
      '-m',
      'x',
      '--unit',
      'a',
      '--address',
      '1.2.3',
    ]);
    assert.equal(status, 2);
    for (const want of [/^--mac: got "x"/m, /^--unit: got "a", want a number/m, /^--address: got "1\.2\.3"/m])
      assert.match(error, want);
  });

  it('names the name that is wrong', async () => {
    await using cli = await runningCli();
    assert.match((await cli.run(['machine', 'add', 'R1'])).error, /^NAME: got "R1", want lower-case letters/);
  });

  it('does not replace a machine by adding it again', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1');
    assert.equal((await cli.run(['machine', 'add', 'r1-u1'])).status, 1);
  });

  it('acts on ranges and selectors, and prints the list and its count first', async () => {
    await using cli = await runningCli();
    for (const unit of [1, 2, 3]) await cli.done('machine', 'add', `r1-u${unit}`, '--label', `half=${unit % 2}`);
    const range = await cli.run(['machine', 'lock', 'r1-u1..2']);
    assert.equal(range.error, '2 machines: r1-u1, r1-u2\n');
    assert.match(range.out, /^r1-u1 locked.*\nr1-u2 locked/);
    const selected = await cli.run(['machine', 'unlock', '-l', 'half=1']);
    assert.equal(selected.error, '2 machines: r1-u1, r1-u3\n');
    assert.equal((await cli.run(['machine', 'lock', '-l', 'half=7'])).status, 3);
    assert.equal((await cli.run(['machine', 'lock'])).status, 2);
    assert.equal((await cli.run(['machine', 'lock', 'a', '-l', 'half=1'])).status, 2);
  });

  it('goes on after one that is refused, and ends with its status', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1');
    await cli.done('machine', 'add', 'r1-u3');
    const missing = await cli.run(['machine', 'lock', 'r1-u1..3']);
    assert.equal(missing.status, 3);
    assert.match(missing.out, /r1-u1 locked[\s\S]*r1-u3 locked/);
    const refused = await cli.run(['machine', 'remove', 'r1-u1']);
    assert.equal(refused.status, 5);
    assert.match(refused.error, /r1-u1: it is locked\n {2}next: ingot machine unlock r1-u1/);
  });

  it('asks nobody where there is no terminal: several are removed only with --yes', async () => {
    await using cli = await runningCli();
    for (const unit of [1, 2]) await cli.done('machine', 'add', `r1-u${unit}`);
    assert.equal((await cli.run(['machine', 'remove', 'r1-u1..2'])).status, 5);
    assert.equal(cli.api.registry.machines().length, 2);
    await cli.done('machine', 'remove', 'r1-u1..2', '--yes');
    assert.equal(cli.api.registry.machines().length, 0);
  });

  it('puts machines into maintenance and back', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1');
    await cli.done('machine', 'maintenance', 'r1-u1');
    assert.match((await cli.done('machine', 'list')).out, /maintenance/);
    await cli.done('machine', 'maintenance', 'r1-u1', '--off');
    assert.doesNotMatch((await cli.done('machine', 'list')).out, /maintenance/);
  });

  it('writes what machines claim as text and nothing else', async () => {
    await using cli = await runningCli();
    const mac = sure(parseMacAddress('525400000009'));
    cli.api.registry.observe({
      mac,
      facts: { manufacturer: HOSTILE, product: HOSTILE },
      source: 'ipxe',
      at: cli.api.clock.now,
    });
    for (const args of [
      ['machine', 'list'],
      ['machine', 'show', 'm-525400000009'],
      ['explain', 'm-525400000009'],
    ]) {
      const { out } = await cli.done(...args);
      // oxlint-disable-next-line no-control-regex -- finding control characters is the point
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u202e]/, args.join(' '));
    }
  });

  it('cuts the last column to the terminal, and is not cut in a pipe', async () => {
    await using cli = await runningCli();
    const mac = sure(parseMacAddress('525400000009'));
    cli.api.registry.observe({ mac, facts: { product: 'x'.repeat(200) }, source: 'ipxe', at: cli.api.clock.now });
    const narrow = await cli.run(['machine', 'list'], { columns: 100 });
    for (const line of narrow.out.trimEnd().split('\n')) assert.ok(line.length <= 100, line);
    assert.match((await cli.done('machine', 'list')).out, /x{200}/);
  });
});

describe('ingot machine import', () => {
  const imports = async (name: string, text: string, ...more: readonly string[]) => {
    const cli = await runningCli();
    await writeFile(join(cli.cwd, name), text);
    const ran = await cli.run(['machine', 'import', name, ...more]);
    const machines = cli.api.registry.machines().map(({ document, service }) => ({
      name: document.name,
      macs: document.macs,
      address: document.address,
      rack: document.location.rack,
      labels: document.labels,
      service,
    }));
    await cli[Symbol.asyncDispose]();
    return { ...ran, machines };
  };

  it('reads a list with a header, quotes and labels', async () => {
    const { machines, status } = await imports(
      'rack.csv',
      'name,mac,rack,unit,label:env,address\r\n"r1-u1","52:54:00:00:00:01 52:54:00:00:00:02",r1,1,"a, b",192.0.2.1\r\n\r\nr1-u2,525400000003,r1,2,,\r\n',
    );
    assert.equal(status, 0);
    assert.deepEqual(machines, [
      {
        name: 'r1-u1',
        macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'],
        address: '192.0.2.1',
        rack: 'r1',
        labels: { env: 'a, b' },
        service: 'none',
      },
      { name: 'r1-u2', macs: ['52:54:00:00:00:03'], address: undefined, rack: 'r1', labels: {}, service: 'none' },
    ]);
  });

  it('tells mistakes of a list by line and column, and imports nothing of it', async () => {
    const { status, error, machines } = await imports(
      'rack.csv',
      'name,mac\nr1-u1,525400000001\nr1-u2,oops\nR2,525400000003\n',
    );
    assert.equal(status, 2);
    assert.match(error, /^rack\.csv:3:7: mac: got "oops"/m);
    assert.match(error, /^rack\.csv:4:1: name: /m);
    assert.deepEqual(machines, []);
    const header = await imports('rack.csv', 'name,mca\nr1-u1,x\n');
    assert.match(header.error, /^rack\.csv:1:6: mca: unknown column; did you mean mac\?/m);
  });

  it('adopts machines from the leases of dnsmasq: they are in service', async () => {
    const { machines, error } = await imports(
      'dnsmasq.leases',
      '1764000000 52:54:00:00:00:01 192.0.2.1 web-1 01:52:54:00:00:00:01\n1764000000 52:54:00:00:00:02 192.0.2.2 * *\nduid 00:01:00:01\n1764000000 1 fd00::1 six 00:01\n',
    );
    assert.match(error, /2 machines in dnsmasq\.leases, read as dnsmasq, 1 entries skipped/);
    assert.deepEqual(
      machines.map(({ name, address, service }) => [name, address, service]),
      [
        ['web-1', '192.0.2.1', 'adopted'],
        ['m-525400000002', '192.0.2.2', 'adopted'],
      ],
    );
  });

  it('takes the newest active lease of dhcpd for each address', async () => {
    const lease = (address: string, mac: string, state: string, name: string) =>
      `lease ${address} {\n  starts 4 2026/01/01 00:00:00;\n  binding state ${state};\n  hardware ethernet ${mac};\n  client-hostname "${name}";\n}\n`;
    const { machines } = await imports(
      'dhcpd.leases',
      `# comment\n${lease('192.0.2.1', '52:54:00:00:00:01', 'active', 'old')}${lease('192.0.2.1', '52:54:00:00:00:02', 'active', 'New_Host.lab')}${lease('192.0.2.3', '52:54:00:00:00:03', 'free', 'gone')}`,
    );
    assert.deepEqual(
      machines.map(({ name, macs }) => [name, macs[0]]),
      [['new-host', '52:54:00:00:00:02']],
    );
  });

  it('takes what is in use from the CSV of Kea, and tells two equal host names apart', async () => {
    const header =
      'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id';
    const row = (address: string, last: number, expire: number, state: number) =>
      `${address},52:54:00:00:00:0${last},,3600,${expire},1,0,0,node.,${state},,0`;
    const text = [
      header,
      row('192.0.2.1', 1, 9_999_999_999, 0),
      row('192.0.2.2', 2, 9_999_999_999, 0),
      row('192.0.2.3', 3, 1, 0),
      row('192.0.2.4', 4, 9_999_999_999, 2),
    ];
    const { machines } = await imports('kea-leases4.csv', `${text.join('\n')}\n`);
    assert.deepEqual(
      machines.map(({ name }) => name),
      ['m-525400000001', 'm-525400000002'],
    );
  });

  it('changes nothing in a dry run', async () => {
    const { machines, out } = await imports('rack.csv', 'name\na\n', '--dry-run');
    assert.match(out, /a created \(dry run\)/);
    assert.deepEqual(machines, []);
  });
});
