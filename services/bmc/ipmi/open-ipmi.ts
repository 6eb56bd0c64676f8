import { randomBytes } from 'node:crypto';
import type { BmcVerb } from '#machines/contract/power.ts';
import { type BmcConsole, type BmcDriver, BmcError, type BmcObserver, type BmcTarget } from '../contract.ts';
import { activateConsole, openedConsole } from './console.ts';
import { openConversation } from './conversation.ts';
import { ipmiCredential } from './credential.ts';
import { identityOf, inventoryOf, statusOf } from './decide/hardware.ts';
import { readLearned, writeLearned } from './decide/learned.ts';
import { IPMI_LIMITS, type IpmiLimits } from './limits.ts';
import { readEvents } from './read-events.ts';
import { readDeviceId, readIdentity, readInventory } from './read-hardware.ts';
import { setBoot } from './set-boot.ts';
import { ipmiAddress } from './udp-link.ts';
import { CHASSIS, CONTROL, type ChassisStatus, decodeChassisStatus, identifyRequest } from './wire/chassis.ts';
import { NET_FN } from './wire/message.ts';
import type { Privilege } from './wire/session-setup.ts';

const VERBS: ReadonlySet<BmcVerb> = new Set([
  'status',
  'on',
  'off',
  'soft',
  'reset',
  'boot-once',
  'identify',
  'inventory',
  'events',
  'console',
]);

/**
 * A BMC by IPMI 2.0 over LAN: cipher suites 17 and 3, never 0. Nothing is sent until the first verb; a session is then
 * kept while it is used, closed when it rests for 45 s, and opened again where the BMC lost it.
 *
 * What only reads, or can be done twice without harm, is sent again when no answer comes; a power command is sent once.
 * Throws a `BmcError` for an address or a credential that IPMI cannot take.
 */
export function openIpmi(
  target: BmcTarget,
  observer: BmcObserver = {},
  limits: IpmiLimits = IPMI_LIMITS,
): Promise<BmcDriver> {
  return Promise.try(() => driver(target, observer, limits));
}

function driver(target: BmcTarget, observer: BmcObserver, limits: IpmiLimits): BmcDriver {
  const talk = openConversation({
    address: ipmiAddress(target.address),
    credential: ipmiCredential(target.credential),
    limits,
    random: randomBytes,
    learned: readLearned(target.learned),
    onLearned: (learned) => observer.learned?.({ ...target.learned, ...writeLearned(learned) }),
  });
  const consoles = new Set<BmcConsole>();
  /** Undefined until it was asked for; `null` where the BMC did not tell. */
  let manufacturer: number | undefined | null;

  const readStatus = (signal: AbortSignal): Promise<ChassisStatus> =>
    talk.read({ netFn: NET_FN.chassis, cmd: CHASSIS.status, doing: 'reading the power' }, decodeChassisStatus, signal);

  async function maker(signal: AbortSignal): Promise<number | undefined> {
    manufacturer ??= await readDeviceId(talk, signal).then(
      (device) => device.manufacturer,
      (error: unknown) => {
        if (error instanceof BmcError && error.code === 'not-supported') return null;
        throw error;
      },
    );
    return manufacturer ?? undefined;
  }

  return {
    type: 'ipmi',
    verbs: VERBS,
    status: async (signal) => statusOf(await readStatus(signal)),
    async power(action, signal) {
      // Proves the session, too: a command into one that the BMC lost would go unanswered, and is not sent twice.
      const { isOn } = await readStatus(signal);
      if (action === 'on' ? isOn : (action === 'off' || action === 'soft') && !isOn) return;
      if (action === 'reset' && !isOn) throw new BmcError('state', 'resetting the machine: it is off');
      const doing = { on: 'turning it on', off: 'turning it off', soft: 'shutting it down', reset: 'resetting it' }[
        action
      ];
      const data = Uint8Array.of(CONTROL[action]);
      await talk.send({ netFn: NET_FN.chassis, cmd: CHASSIS.control, data, doing, once: true }, signal);
    },
    bootOnce: async (wanted, signal) => setBoot(talk, wanted, await maker(signal), signal),
    async identify(seconds, signal) {
      const order = { netFn: NET_FN.chassis, cmd: CHASSIS.identify, doing: 'setting the locate light' };
      const send = (count: number) => talk.send({ ...order, data: identifyRequest(count) }, signal);
      await send(seconds).catch((error: unknown) => {
        // IPMI 1.5 has no "until told otherwise": its longest is what is left.
        const isTooLong = seconds > 255 && error instanceof BmcError && error.code !== 'timeout' && !signal.aborted;
        if (!isTooLong) throw error;
        return send(255);
      });
    },
    identity: async (signal) => identityOf(await readIdentity(talk, signal)),
    inventory: async (signal) => inventoryOf(await readInventory(talk, signal), Date.now()),
    events: (signal) => readEvents(talk, signal),
    console: openConsole,
    async [Symbol.asyncDispose]() {
      await Promise.all([...consoles].map((one) => one[Symbol.asyncDispose]()));
      await talk[Symbol.asyncDispose]();
    },
  };

  /** Over a session of its own: what is typed does not wait for what is polled, and one can end without the other. */
  async function openConsole(signal: AbortSignal): Promise<BmcConsole> {
    try {
      return await openConsoleAs('operator', signal);
    } catch (error) {
      if (!(error instanceof BmcError) || error.code !== 'privilege') throw error;
      return await openConsoleAs('administrator', signal);
    }
  }

  async function openConsoleAs(privilege: Privilege, signal: AbortSignal): Promise<BmcConsole> {
    const { session } = await talk.openAnother(privilege, signal);
    try {
      const inboundBytes = await activateConsole(session, limits, signal);
      const onClosed = (): void => void consoles.delete(opened);
      const opened = openedConsole({ session, inboundBytes, limits, signal, onClosed });
      consoles.add(opened);
      return opened;
    } catch (error) {
      const closed = session[Symbol.asyncDispose]();
      if (!signal.aborted) await closed;
      throw error;
    }
  }
}
