import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { Firmware } from '#test/lab/guest.ts';
import { makeDisk } from '#test/lab/disk.ts';
import { ROOT } from '#test/project/source-files.ts';
import { BOOT_LIMIT_MS, type BootWorld, LINE_LIMIT_MS, MAC, OWN_DISK, OWN_DISK_TEXT } from './boot-world.ts';

/** How many percent of the frames that a guest sends and receives are lost; `nft` is that program's path. */
export type Loss = { readonly nft: string; readonly percent: number };

/**
 * Powers the machine on and waits until its user space has spoken and asked for an address, which it then says; the
 * guest powers itself off after that. Gives the address.
 */
export async function bootToUserSpace(
  world: BootWorld,
  firmware: Firmware,
  { profile = 'live', loss }: { readonly profile?: string; readonly loss?: Loss | undefined } = {},
): Promise<string> {
  const guest = world.powerOn({ firmware });
  if (loss) world.lab.lose({ ...loss, place: 'server', interface: guest.tap });
  try {
    const [, mac, commandLine = ''] = await guest.waitForSerial(
      /^INGOT-GUEST-UP mac=(\S+) cmdline=(.*)$/m,
      BOOT_LIMIT_MS,
    );
    assert.equal(mac, MAC);
    assert.match(commandLine, new RegExp(`console=tty(?:S0|AMA0) ingot.network profile.is=${profile}`));
    const [, address = ''] = await guest.waitForSerial(/^INGOT-GUEST-ADDRESS ip=(\S+)/m, LINE_LIMIT_MS);
    await guest.waitForPowerOff(LINE_LIMIT_MS);
    return address;
  } catch (cause) {
    throw new Error(`${firmware} did not boot; ${await situation(world)}`, { cause });
  }
}

/**
 * Powers on a machine with the network first in its boot order and a disk after it, and waits until its disk speaks.
 * It may have been told to boot its disk, and must have been sent nothing else. Gives its trace.
 */
export async function bootsOwnDisk(
  world: BootWorld,
  firmware: 'bios-pxe' | 'uefi-pxe',
): Promise<readonly TraceEvent[]> {
  const disk = makeDisk(world.lab.folder, firmware === 'bios-pxe' ? 'bios' : 'uefi', OWN_DISK_TEXT);
  const guest = world.powerOn({ firmware, disk, extraArgs: WITHOUT_DHCPV6 });
  try {
    await guest.waitForSerial(OWN_DISK, BOOT_LIMIT_MS);
  } catch (cause) {
    throw new Error(`${firmware} did not come to its disk; ${await situation(world)}`, { cause });
  } finally {
    await guest.stop();
  }
  const events = await world.trace();
  const told = () => text(events);
  assert.equal(events[0]?.kind, 'dhcp-received', `it asked the network first\n${told()}`);
  for (const event of events) {
    assert.ok(!event.kind.startsWith('tftp-'), told());
    if (event.kind === 'http-sent') assert.equal(event.role, 'script', told());
    if (event.kind === 'script-rendered') assert.equal(event.situation, 'disk', told());
  }
  return events;
}

/** OVMF would spend a minute more on DHCPv6 before it goes on to its disk. */
export const WITHOUT_DHCPV6 = ['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'] as const;

/** Grants one boot of a profile as an operator does: `ingot boot NAME --profile PROFILE`. */
export async function grantBoot({ daemon }: BootWorld, name: string, profile: string): Promise<void> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(ROOT, 'cli/main.ts'), 'boot', name, '--profile', profile],
    { env: { ...process.env, INGOT_URL: daemon.ready.api, INGOT_TOKEN: daemon.token }, timeout: LINE_LIMIT_MS },
  );
  assert.match(stdout, new RegExp(`boots ${profile} once`));
}

/** One attempt, with a verdict of `booted`, and no other on the way. */
export async function assertBooted(world: BootWorld): Promise<void> {
  const attempt = await world.verdicts.until(MAC, 'booted', LINE_LIMIT_MS);
  assert.equal(attempt.machine, 'r1-u1');
  assert.equal(attempt.stage, 'running');
  assert.deepEqual([...world.verdicts.codes(MAC)].toSorted(), ['booted', 'in-progress'], await situation(world));
  assert.equal((await world.daemon.attempts({ mac: MAC })).length, 1, await situation(world));
}

/**
 * The same, with every step of its firmware's path, each once and whole. `otherServer` is where its address must have
 * come from, if not from us.
 */
export async function assertHealthyBoot(world: BootWorld, firmware: Firmware, otherServer?: string): Promise<void> {
  await assertBooted(world);
  const events = await world.trace();
  const told = () => text(events);

  const sent = events.flatMap((event) => (event.kind === 'http-sent' && event.method === 'GET' ? [event] : []));
  for (const role of ['script', 'kernel', 'initrd'] as const) {
    const whole = sent.filter((event) => event.role === role && event.status === 200 && event.bytes === event.size);
    assert.equal(whole.length, 1, `${role} once and whole\n${told()}`);
  }
  assert.deepEqual(
    events.filter(({ kind }) => FAULTS.has(kind)),
    [],
    told(),
  );
  const others = events.flatMap((event) => (event.kind === 'other-dhcp' ? [event.serverId] : []));
  assert.deepEqual([...new Set<string>(others)], otherServer === undefined ? [] : [otherServer], told());
  assertLoader(firmware, events, told);
}

/** What no healthy boot has. */
const FAULTS: ReadonlySet<TraceEvent['kind']> = new Set(['tftp-timeout', 'dropped', 'log']);

/** How the firmware came to an iPXE. */
function assertLoader(firmware: Firmware, events: readonly TraceEvent[], told: () => string): void {
  const tftp = events.flatMap((event) => (event.kind === 'tftp-sent' ? [event.file] : []));
  const http = events.flatMap((event) => (event.kind === 'http-sent' && event.role === 'loader' ? [event] : []));
  const kinds = events.flatMap((event) => (event.kind === 'dhcp-received' ? [event.client.kind] : []));
  // Its system asks for an address too.
  const clients = kinds.filter((kind) => kind !== 'os');
  switch (firmware) {
    case 'bios-pxe':
      // The card's ROM is an iPXE already.
      assert.deepEqual([new Set(clients), http], [new Set(['ipxe']), []], told());
      break;
    case 'uefi-pxe':
    case 'arm64-pxe':
      assert.equal(clients[0], 'pxe', told());
      assert.ok(
        tftp.some((file) => file.endsWith('.efi')),
        told(),
      );
      assert.ok(clients.includes('ipxe'), told());
      break;
    case 'uefi-http':
    case 'arm64-http':
      assert.equal(clients[0], 'http', told());
      assert.ok(
        http.some(({ method, status, bytes, size }) => method === 'GET' && status === 200 && bytes === size),
        told(),
      );
      assert.ok(clients.includes('ipxe'), told());
      break;
    default:
      firmware satisfies never;
  }
}

/** For a failure's message: what the daemon knows. */
export async function situation(world: BootWorld): Promise<string> {
  const attempts = await world.daemon.attempts({ mac: MAC });
  const verdict = (one: Attempt) => `${one.verdict.code} at ${one.stage}: ${one.verdict.cause}`;
  return [...attempts.map(verdict), text(await world.trace()), world.daemon.output().slice(-6000)].join('\n');
}

const text = (events: readonly TraceEvent[]): string => events.map((event) => JSON.stringify(event)).join('\n');
