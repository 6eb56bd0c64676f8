import assert from 'node:assert/strict';
import type { Attempt, TraceEvent, VerdictCode } from '#machines/contract/trace.ts';
import type { Firmware } from '#test/lab/guest.ts';
import { BOOT_LIMIT_MS, type BootWorld, LINE_LIMIT_MS, MAC } from './boot-world.ts';

/**
 * Powers the machine on and waits until its user space has spoken and asked for an address, which it then says; the
 * guest powers itself off after that. Gives the address.
 */
export async function bootToUserSpace(world: BootWorld, firmware: Firmware, name = 'live'): Promise<string> {
  const guest = world.powerOn({ firmware });
  try {
    const [, mac, commandLine = ''] = await guest.waitForSerial(
      /^INGOT-GUEST-UP mac=(\S+) cmdline=(.*)$/m,
      BOOT_LIMIT_MS,
    );
    assert.equal(mac, MAC);
    assert.match(commandLine, new RegExp(`console=ttyS0 ingot.network profile.is=${name}`));
    const [, address = ''] = await guest.waitForSerial(/^INGOT-GUEST-ADDRESS ip=(\S+)/m, LINE_LIMIT_MS);
    await guest.waitForPowerOff(LINE_LIMIT_MS);
    return address;
  } catch (cause) {
    throw new Error(`${firmware} did not boot; ${await situation(world)}`, { cause });
  }
}

/** One attempt, with every step of its firmware's path, a verdict of `booted`, and no other on the way. */
export async function assertHealthyBoot(world: BootWorld, firmware: Firmware): Promise<void> {
  const attempt = await world.verdicts.until(MAC, 'booted', LINE_LIMIT_MS);
  assert.equal(attempt.machine, 'r1-u1');
  assert.equal(attempt.stage, 'running');
  const codes: VerdictCode[] = [...world.verdicts.codes(MAC)];
  const events = await world.trace();
  const told = () => `${codes.join(', ')}\n${text(events)}`;
  assert.deepEqual(codes.toSorted(), ['booted', 'in-progress'], told());
  assert.equal((await world.daemon.attempts({ mac: MAC })).length, 1, told());

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
  assertLoader(firmware, events, told);
}

/** What no healthy boot has. */
const FAULTS: ReadonlySet<TraceEvent['kind']> = new Set(['tftp-timeout', 'dropped', 'log', 'other-dhcp']);

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
      assert.equal(clients[0], 'pxe', told());
      assert.ok(
        tftp.some((file) => file.endsWith('.efi')),
        told(),
      );
      assert.ok(clients.includes('ipxe'), told());
      break;
    case 'uefi-http':
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
