import { existsSync } from 'node:fs';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { MACHINE_API_PORT } from '../contract/agent.ts';
import { openAgent } from './agent.ts';
import { blockDisks } from './disks/block-disks.ts';
import { linuxHost } from './linux-host.ts';
import { logText } from './log.ts';
import { bringUpNetwork } from './network.ts';
import { readIdentity } from './inventory/read-identity.ts';
import { readInventory } from './inventory/read-inventory.ts';
import { runScreen } from './screen.ts';
import { openTerminals, sizeOf, terminalsOf } from './terminal.ts';

// The agent: what runs on a machine that has no OS of its own. It reads the kernel's command line and the boot token
// (machines/contract/agent.ts), brings up the NIC that the machine booted from, registers at the daemon and serves the
// machine API.
//
// What it wants of the image that it is bundled into (deploy/agent):
// - this program in one file of ES modules (rolldown: platform node, format esm, codeSplitting false), run by node as
//   root, with machines/api/proto as the folder `proto` beside that file.
// - /proc, /sys, /dev (devtmpfs), /run and /tmp mounted, modules loaded, the interface `lo` up. It loads none itself.
// - an init that is not this program, reaps what is left behind, and starts it again some seconds after it ended: it
//   ends by a bug only, and never restarts the machine unless it was told to.
// - /bin/busybox with: date, grep, ifconfig, ip (link, address, route), poweroff, reboot, sh, stty, sync, udhcpc.
// - INGOT_CONSOLES in the environment where it knows better than the kernel which terminals there are.
// - what inventory/ and disks/ run: dmidecode, smartctl, nvme, hdparm, sg_sanitize and sg_opcodes, lsblk, blkid.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const host = linuxHost();
const terminals = await terminalsOf(host, process.env['INGOT_CONSOLES']);
await using open = await openTerminals([...terminals.screens, ...terminals.lines]);
const agent = openAgent({
  host,
  definition: loadMachineApi(),
  bringUp: bringUpNetwork,
  readInventory,
  readIdentity,
  disks: blockDisks({ host, told: (text) => agent.log.warn(text) }),
  // Both families by one socket, where the kernel has both.
  listen: { address: existsSync('/proc/net/if_inet6') ? '::' : '0.0.0.0', port: MACHINE_API_PORT },
  print(line) {
    for (const path of terminals.lines) open.at(path)?.write(`${logText(line)}\r\n`);
  },
});
const shown = terminals.screens.map(async (path) => {
  const terminal = open.at(path);
  if (terminal) await runScreen({ agent, host, terminal, size: await sizeOf(host, path), signal: stop.signal });
});
try {
  await agent.run(stop.signal);
} finally {
  stop.abort();
  await Promise.all(shown);
}
