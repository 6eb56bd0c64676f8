import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { z } from 'zod';
import { bmcPortsOf, chooseBmcPorts } from '#machines/rack/bmc-ports.ts';
import { BMC_PORTS } from '#machines/rack/bmc/start-bmc.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { ROOT } from '#test/project/source-files.ts';

const listed = z.array(
  z.object({ name: z.string(), redfish: z.string(), ipmi: z.string(), username: z.string(), bmc: z.string() }),
);

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-rack-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('BMCs alone are listed when they listen, and switch machines that have nothing to load', async () => {
  await withFolder(async (folder) => {
    // Another rack may have the usual ports.
    const { redfish, ipmi } = { redfish: await anyPort(), ipmi: await anyPort() };
    const rack = spawn(
      process.execPath,
      [
        join(ROOT, 'machines/rack/main.ts'),
        ...['bmcs', '--dir', folder, '--machines', '3', '-o', 'json'],
        ...['--redfish-port', String(redfish), '--ipmi-port', String(ipmi)],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const [line] = (await once(createInterface({ input: rack.stdout }), 'line')) as [string];
      const machines = listed.parse(JSON.parse(line));
      assert.deepEqual(
        machines.map(({ bmc }) => bmc),
        ['supermicro', 'dell-idrac', 'hpe-ilo'],
      );
      const password = (await readFile(join(folder, 'bmc-password'), 'utf8')).trim();
      assert.equal((await stat(join(folder, 'bmc-password'))).mode & 0o777, 0o600);
      for (const { ipmi: address, username } of machines) {
        await using bmc = await openIpmi({ type: 'ipmi', address, credential: { username, password } });
        const signal = AbortSignal.timeout(10_000);
        assert.equal((await bmc.status(signal)).power, 'off');
        await bmc.power('on', signal);
      }
    } finally {
      const ended = once(rack, 'exit');
      rack.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    }
  });
});

test('ports are the usual ones, or others where those are taken, and are kept', async () => {
  await withFolder(async (folder) => {
    assert.deepEqual(await bmcPortsOf(folder), BMC_PORTS);
    // One that no other test and no demo listens at.
    const address = sure(parseIpv4('127.78.251.7'));
    assert.deepEqual(await chooseBmcPorts(folder, address), BMC_PORTS);
    const other = createServer().listen(BMC_PORTS.redfish, address);
    await once(other, 'listening');
    try {
      const chosen = await chooseBmcPorts(folder, address);
      assert.ok(chosen.redfish !== BMC_PORTS.redfish && chosen.redfish > 0 && chosen.ipmi > 0);
      assert.deepEqual(await bmcPortsOf(folder), chosen);
    } finally {
      other.close();
    }
  });
});

async function anyPort(): Promise<number> {
  const probe = createServer().listen(0, '127.78.1.1');
  await once(probe, 'listening');
  const bound = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof bound === 'object' && bound ? bound.port : assert.fail();
}
