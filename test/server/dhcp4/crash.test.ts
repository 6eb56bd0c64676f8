import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { getOption } from '#server/dhcp4/wire/options.ts';
import type { Dhcp4Listening } from '#server/dhcp4/contract.ts';
import type { DaemonSettings } from '#test/interop/dhcp4-daemon.ts';
import { clientMessage, GIADDR, ip, isA, mac, openClient, relayed } from './world.ts';

const PROGRAM = fileURLToPath(new URL('../../interop/dhcp4-daemon.ts', import.meta.url));
const CLIENTS = 400;
/** Enough acknowledged, and enough on their way. */
const KILL_AFTER = 150;

test('every lease that was acknowledged is there after kill -9 under load', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-dhcp4-'));
  const settings: DaemonSettings = {
    quiet: true,
    storeDir: join(folder, 'store'),
    dhcp: { relayListen: ['127.0.0.1:0'], serverPort: 0, proxyPort: 0 },
    subnets: [{ cidr: '127.0.0.0/8', pools: ['127.77.0.1-127.77.9.255'] }],
  };
  await writeFile(join(folder, 'settings.json'), JSON.stringify(settings));
  const daemon = spawn(process.execPath, [PROGRAM, join(folder, 'settings.json')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(createInterface({ input: daemon.stdout }), 'line')) as [string];
    const { relay } = JSON.parse(line.replace(/^ready /, '')) as Dhcp4Listening;
    const to = { address: ip('127.0.0.1'), port: relay[0]?.port ?? 0 };
    await using client = await openClient(GIADDR);
    const acknowledged = new Map<string, string>();
    const killed = once(daemon, 'exit');

    const boot = async (index: number): Promise<void> => {
      const own = mac(`525400${index.toString(16).padStart(6, '0')}`);
      const fields = { xid: index + 1 };
      const offer = await client.ask(
        relayed(clientMessage(own, { messageType: 'DISCOVER' }, fields)),
        to,
        isA('OFFER'),
      );
      const request = {
        messageType: 'REQUEST',
        serverId: getOption(offer.options, 'serverId'),
        requestedAddress: offer.yiaddr,
      } as const;
      const ack = await client.ask(relayed(clientMessage(own, request, fields)), to, isA('ACK'));
      acknowledged.set(own, ack.yiaddr);
      if (acknowledged.size === KILL_AFTER) daemon.kill('SIGKILL');
    };
    // Those that are never answered wait until the test has ended.
    for (let index = 0; index < CLIENTS; index++) void boot(index);
    await killed;

    await using store = await openSqliteStore({ dir: join(folder, 'store') });
    const kept = new Map((await store.leases.all()).map(({ key, address }) => [key, address]));
    assert.ok(acknowledged.size >= KILL_AFTER);
    assert.deepEqual(
      [...acknowledged].filter(([key, address]) => kept.get(key) !== address),
      [],
    );
  } finally {
    daemon.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});
