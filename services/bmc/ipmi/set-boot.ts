import type { BootOnce } from '#machines/contract/power.ts';
import { BmcError } from '../contract.ts';
import type { Conversation } from './conversation.ts';
import { bootDifference, bootFlagsFor } from './decide/boot-choice.ts';
import {
  ACKNOWLEDGE_BIOS,
  BOOT_PARAMETER,
  type BootFlags,
  bootOptionsRequest,
  decodeBootFlags,
  encodeBootFlags,
  KEEP_FLAGS,
  setInProgress,
} from './wire/boot-options.ts';
import { CHASSIS } from './wire/chassis.ts';
import { NET_FN } from './wire/message.ts';

/** Sets the boot flags and reads them back: BMCs say yes, and keep other flags, or none. */
export async function setBoot(
  talk: Conversation,
  wanted: BootOnce,
  manufacturer: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const before = await readFlags('reading the next boot').catch(ofOneThing);
  const flags = bootFlagsFor(wanted, before, manufacturer);
  // OpenBMC and others refuse some of these, and set the flags all the same.
  await setOption(setInProgress('begin'), 'locking the boot options').catch(ofOneThing);
  try {
    await setOption(ACKNOWLEDGE_BIOS, 'telling that the next boot is new').catch(ofOneThing);
    if (flags.isValid) await setOption(KEEP_FLAGS, 'keeping the next boot for more than a minute').catch(ofOneThing);
    await setOption(encodeBootFlags(flags), 'setting the next boot');
  } finally {
    if (!signal.aborted) {
      await setOption(setInProgress('commit'), 'storing the boot options').catch(ofOneThing);
      await setOption(setInProgress('complete'), 'unlocking the boot options').catch(ofOneThing);
    }
  }
  const after = await readFlags('reading back the next boot');
  const difference = bootDifference(flags, after, wanted);
  if (difference !== undefined) throw new BmcError('not-stored', `the next boot was set and not stored: ${difference}`);

  function readFlags(doing: string): Promise<BootFlags> {
    const data = bootOptionsRequest(BOOT_PARAMETER.flags);
    return talk.read({ netFn: NET_FN.chassis, cmd: CHASSIS.getBootOptions, data, doing }, decodeBootFlags, signal);
  }

  async function setOption(data: Uint8Array, doing: string): Promise<void> {
    await talk.send({ netFn: NET_FN.chassis, cmd: CHASSIS.setBootOptions, data, doing }, signal);
  }
}

/** What the BMC itself says no to may be done without; silence and aborts may not. */
function ofOneThing(error: unknown): undefined {
  if (error instanceof BmcError && ['not-supported', 'refused', 'malformed', 'state'].includes(error.code)) {
    return undefined;
  }
  throw error;
}
