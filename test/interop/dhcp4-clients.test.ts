import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Lab, openLab } from '#test/lab/lab.ts';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { LEASING, startDhcp4 } from './dhcp4-lab.ts';

/** Clients that nobody here wrote, each over a real cable between two network namespaces. */
describe('leases to foreign clients', () => {
  test('udhcpc is bound, and gives its address back', { timeout: 60_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox']);
    if (!tools) return;
    await using lab = openLab();
    const daemon = await startDhcp4(lab, LEASING);
    const script = join(lab.folder, 'udhcpc.sh');
    // It takes the address, or it could not renew by unicast.
    writeFileSync(
      script,
      `#!/bin/sh
case "$1" in
  bound|renew) ${tools.ip} address replace "$ip/24" dev "$interface" ;;
  deconfig) ${tools.ip} address flush dev "$interface" ;;
esac
echo "$1 ip=$ip router=$router dns=$dns domain=$domain lease=$lease server=$serverid"
`,
    );
    chmodSync(script, 0o755);
    const udhcpc = [tools.busybox, 'udhcpc', '-f', '-R', '-i', 'c0', '-s', script, '-t', '5', '-T', '2'] as const;
    const client = lab.start(udhcpc, { place: 'client', name: 'udhcpc' });
    await client.waitForOutput(
      /^bound ip=192\.168\.77\.100 router=192\.168\.77\.1 dns=192\.168\.77\.1 domain=lab lease=3600 server=192\.168\.77\.1$/m,
      20_000,
    );
    client.signal('SIGUSR1');
    await client.waitForOutput(/^renew ip=192\.168\.77\.100/m, 20_000);
    await client.stop();
    await daemon.waitForOutput(/it gives back 192\.168\.77\.100/, 10_000);
  });

  test('dhclient is bound, renews, remembers its address over a restart, and releases it', {
    timeout: 120_000,
  }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'dhclient']);
    if (!tools) return;
    await using lab = openLab();
    const daemon = await startDhcp4(lab, { ...LEASING, subnets: [{ ...LEASING.subnets?.[0], leaseSeconds: 60 }] });
    const dhclient = dhclientIn(lab, tools.dhclient);
    const first = await dhclient.run('-1');
    assert.match(first.output, /bound to 192\.168\.77\.100/);
    assert.match(first.output, /DHCPOFFER of 192\.168\.77\.100 from 192\.168\.77\.1/);

    // A new process with the old lease file asks for the address it had: INIT-REBOOT.
    const second = await dhclient.run('-1');
    assert.doesNotMatch(second.output, /DHCPOFFER/);
    assert.match(second.output, /DHCPACK of 192\.168\.77\.100/);
    assert.match(daemon.output(), /it keeps its address/);

    const released = await dhclient.run('-r');
    assert.equal(released.status, 0, released.output);
    await daemon.waitForOutput(/it gives back 192\.168\.77\.100/, 10_000);
  });

  test('dhclient renews by unicast, and rebinds by broadcast when the server has another address', {
    timeout: 120_000,
  }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'dhclient']);
    if (!tools) return;
    await using lab = openLab();
    const daemon = await startDhcp4(lab, { ...LEASING, limits: { addressPollMs: 100 } });
    const dhclient = dhclientIn(lab, tools.dhclient, {
      'dhcp-lease-time': 60,
      'dhcp-renewal-time': 3,
      'dhcp-rebinding-time': 6,
    });
    const client = dhclient.start();
    await client.waitForOutput(/bound to 192\.168\.77\.100/, 20_000);
    const renewal = /DHCPREQUEST for 192\.168\.77\.100 on c0 to 192\.168\.77\.1 port 67\nDHCPACK of 192\.168\.77\.100/;
    await client.waitForOutput(renewal, 30_000);
    await daemon.waitForOutput(/ACK 192\.168\.77\.100: it renews its lease/, 10_000);

    // What it renews at is gone, and the server follows its interface to the new address.
    for (const args of [
      ['del', '192.168.77.1/24'],
      ['add', '192.168.77.2/24'],
    ] as const) {
      await lab.run([tools.ip, 'address', ...args, 'dev', lab.bridge], 5000);
    }
    await daemon.waitForOutput(/br0 has 192\.168\.77\.2 now/, 10_000);
    const rebinding = /on c0 to 255\.255\.255\.255 port 67\nDHCPACK of 192\.168\.77\.100 from 192\.168\.77\.2/;
    await client.waitForOutput(rebinding, 40_000);
  });

  test('dhcping gets its answer, also to an INFORM', { timeout: 60_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'dhcping']);
    if (!tools) return;
    await using lab = openLab();
    await startDhcp4(lab, { ...LEASING, subnets: [{ ...LEASING.subnets?.[0], authoritative: true }] });
    await addressOnClient(lab, tools.ip, '192.168.77.50/24');
    const inform = await lab.run(
      [tools.dhcping, '-v', '-i', '-c', '192.168.77.50', '-s', '192.168.77.1', '-h', '52:54:00:00:00:50', '-t', '5'],
      15_000,
      { place: 'client' },
    );
    assert.match(inform.output, /Got answer from: 192\.168\.77\.1/);
    assert.equal(inform.status, 0, inform.output);
    const request = await lab.run(
      [tools.dhcping, '-v', '-c', '192.168.77.50', '-s', '192.168.77.1', '-h', '52:54:00:00:00:50', '-t', '5'],
      15_000,
      { place: 'client' },
    );
    // The answer to an address that was never leased is a NAK, which is an answer.
    assert.match(request.output, /Got answer from: 192\.168\.77\.1/);
  });
});

async function addressOnClient(lab: Lab, ip: string, address: string): Promise<void> {
  await lab.run([ip, 'address', 'add', address, 'dev', lab.clientInterface], 5000, { place: 'client' });
}

/** dhclient with its files in the lab's folder, so that what it remembers is the test's. */
function dhclientIn(lab: Lab, program: string, supersede: Readonly<Record<string, number>> = {}) {
  const script = join(lab.folder, 'dhclient.sh');
  // It sets the address as Debian's own would; without one it cannot renew by unicast.
  writeFileSync(
    script,
    [
      '#!/bin/sh',
      'case "$reason" in',
      'BOUND|RENEW|REBIND|REBOOT) ip address replace "$new_ip_address/24" dev "$interface" ;;',
      'EXPIRE|FAIL|RELEASE|STOP) ip address flush dev "$interface" ;;',
      'esac',
      '',
    ].join('\n'),
  );
  chmodSync(script, 0o755);
  const config = join(lab.folder, 'dhclient.conf');
  writeFileSync(
    config,
    Object.entries(supersede)
      .map(([name, value]) => `supersede ${name} ${value};\n`)
      .join(''),
  );
  const files = [
    '-cf',
    config,
    '-lf',
    join(lab.folder, 'dhclient.leases'),
    '-pf',
    join(lab.folder, 'dhclient.pid'),
    '-sf',
    script,
  ] as const;
  return {
    start: () => lab.start([program, '-d', '-v', ...files, 'c0'], { place: 'client', name: 'dhclient' }),
    /** Until it has a lease (`-1`), or has given it back (`-r`). */
    async run(flag: '-1' | '-r') {
      const result = await lab.run([program, flag, '-v', ...files, 'c0'], 30_000, {
        place: 'client',
        name: `dhclient${flag}`,
      });
      if (flag === '-1') await stopForked(join(lab.folder, 'dhclient.pid'));
      return result;
    },
  };
}

/** Once it has its lease, dhclient goes on in the background; it is ended by the id in its own file. */
async function stopForked(pidFile: string): Promise<void> {
  const pid = await waitFor('dhclient to write its process id', () => readPid(pidFile), 10_000);
  process.kill(pid, 'SIGKILL');
  rmSync(pidFile);
}

function readPid(file: string): number | undefined {
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.NaN;
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}
