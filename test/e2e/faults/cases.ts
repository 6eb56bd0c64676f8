import type { VerdictCode } from '#machines/contract/trace.ts';
import type { Fault, Firmware, Quirk } from '#machines/rack/spec.ts';

/** The verdict codes that name a fault. */
export type FaultCode = Exclude<VerdictCode, 'in-progress' | 'booted'>;

/** The networks of the test's daemon: `world.ts` configures them. */
export type Place = 'main' | 'small-pool' | 'far-relay' | 'forgetful-relay' | 'plain-relay';

export type TestMachine = {
  readonly firmware: Firmware;
  readonly faults?: readonly (Fault | Quirk)[];
  readonly place?: Place;
  /** `live`: kernel and initrd at every start; the others are live but for the image. Absent: an unknown machine. */
  readonly profile?: 'live' | 'kernel-only' | 'no-kernel' | 'no-initrd' | 'disk' | 'none';
};

export type FaultCase = {
  readonly name: string;
  readonly code: FaultCode;
  readonly broken: TestMachine;
  /** Looks like it, and is not: must never have `code`, and comes to `ends`. */
  readonly twin: TestMachine & { readonly ends: VerdictCode; readonly is: string };
  /** The broken machine is powered on only after the twin has booted. */
  readonly twinFirst?: true;
};

const live = (firmware: Firmware, ...faults: readonly (Fault | Quirk)[]): TestMachine => ({
  firmware,
  faults,
  profile: 'live',
});

/** Each code of a fault at least once. */
export const FAULT_CASES: readonly FaultCase[] = [
  {
    name: 'another DHCP server’s offer is taken',
    code: 'other-dhcp-won',
    broken: live('bios', 'takes-other-offer'),
    twin: { ...live('bios', 'other-offer-first'), is: 'takes it first and gets nothing from it', ends: 'booted' },
  },
  {
    name: 'offers are not heard',
    code: 'offer-ignored',
    broken: live('uefi', 'ignores-offers'),
    twin: { ...live('uefi', 'first-offer-lost'), is: 'misses the first offer only', ends: 'booted' },
  },
  {
    name: 'a machine that is not netbooted ignores its offer',
    code: 'offer-ignored',
    broken: live('bios', 'ignores-offers'),
    twin: {
      firmware: 'bios',
      faults: ['ignores-offers', 'installed'],
      profile: 'disk',
      is: 'boots its own disk as it should',
      ends: 'booted',
    },
  },
  {
    name: 'a firewall eats TFTP',
    code: 'no-tftp',
    broken: live('uefi', 'no-tftp'),
    twin: { ...live('uefi', 'tftp-on-second-try'), is: 'gets through late', ends: 'booted' },
  },
  {
    name: 'the loader’s transfer breaks off',
    code: 'tftp-stalled',
    broken: live('uefi', 'tftp-stalls'),
    twin: { ...live('uefi', 'tftp-hiccup'), is: 'goes on after a pause', ends: 'booted' },
  },
  {
    name: 'no loader exists for the architecture',
    code: 'wrong-arch',
    broken: live('uefi', 'unknown-arch'),
    twin: { ...live('uefi', 'ebc-arch'), is: 'says EBC, as x86-64 does', ends: 'booted' },
  },
  {
    name: 'the loader’s file is not there',
    code: 'loader-missing',
    broken: live('uefi-arm64'),
    twin: { ...live('uefi'), is: 'is content with the second choice', ends: 'booted' },
  },
  {
    name: 'the loader hangs',
    code: 'loader-no-return',
    broken: live('bios', 'loader-dies'),
    twin: { ...live('bios', 'waits-for-link'), is: 'waits for its link', ends: 'booted' },
  },
  {
    name: 'the script is never asked for',
    code: 'no-script',
    broken: live('uefi', 'no-script'),
    twin: { ...live('uefi', 'script-late'), is: 'asks late', ends: 'booted' },
  },
  {
    name: 'nobody has accepted the machine',
    code: 'not-accepted',
    broken: { firmware: 'uefi' },
    twin: {
      firmware: 'uefi',
      faults: ['installed'],
      profile: 'none',
      is: 'is accepted, and has nothing to netboot',
      ends: 'booted',
    },
  },
  {
    name: 'the kernel is never asked for',
    code: 'kernel-missing',
    broken: live('uefi', 'stops-before-kernel'),
    twin: { ...live('uefi', 'kernel-on-second-try'), is: 'gets it at the second try', ends: 'booted' },
  },
  {
    name: 'the kernel’s file was deleted',
    code: 'kernel-missing',
    broken: { firmware: 'bios', profile: 'no-kernel' },
    twin: { ...live('bios'), is: 'has an image that is whole', ends: 'booted' },
  },
  {
    name: 'the initrd is never asked for',
    code: 'no-initrd',
    broken: live('uefi', 'stops-after-kernel'),
    twin: { firmware: 'uefi', profile: 'kernel-only', is: 'has an image without one', ends: 'booted' },
  },
  {
    name: 'the initrd’s file was deleted',
    code: 'no-initrd',
    broken: { firmware: 'bios', profile: 'no-initrd' },
    twin: { firmware: 'bios', profile: 'kernel-only', is: 'has an image without one', ends: 'booted' },
  },
  {
    name: 'the kernel says nothing',
    code: 'silent-after-kernel',
    broken: live('ipxe-rom', 'silent-kernel'),
    twin: { ...live('ipxe-rom'), is: 'takes its time', ends: 'booted' },
  },
  {
    name: 'the machine starts again and again',
    code: 'boot-loop',
    broken: live('bios', 'boots-again'),
    twin: { ...live('bios', 'boots-twice'), is: 'starts again once', ends: 'booted' },
  },
  {
    name: 'the pool is empty',
    code: 'pool-exhausted',
    broken: { ...live('bios'), place: 'small-pool' },
    twin: { ...live('bios'), place: 'small-pool', is: 'has the only address, for all its clients', ends: 'booted' },
    twinFirst: true,
  },
  {
    name: 'the address is used by something else',
    code: 'address-conflict',
    broken: live('uefi', 'declines'),
    twin: { ...live('uefi', 'declines-once'), is: 'is content with the next address', ends: 'booted' },
  },
  {
    name: 'the relay lost its option 82',
    code: 'relay-82-lost',
    broken: { ...live('bios', 'relay-drops-82'), place: 'forgetful-relay' },
    twin: { ...live('bios'), place: 'forgetful-relay', is: 'came before that', ends: 'booted' },
    twinFirst: true,
  },
  {
    name: 'the relay is on an unknown network',
    code: 'wrong-subnet',
    broken: live('uefi', 'wrong-relay'),
    twin: { ...live('uefi'), place: 'far-relay', is: 'has a relay elsewhere that its subnet names', ends: 'booted' },
  },
  {
    name: 'the firmware refuses plain HTTP',
    code: 'http-boot-refused',
    broken: live('uefi-http', 'refuses-http'),
    twin: { ...live('uefi-http'), is: 'asks for the size first', ends: 'booted' },
  },
  {
    name: 'the loader is not signed',
    code: 'secure-boot',
    broken: live('uefi', 'loader-refused'),
    twin: { ...live('bios', 'loader-refused'), is: 'has no Secure Boot', ends: 'loader-no-return' },
  },
  {
    name: 'the switch port forwards late',
    code: 'stp-delay',
    broken: live('bios', 'late-link'),
    twin: { ...live('bios', 'swapped-secs'), is: 'swaps the bytes of secs', ends: 'booted' },
  },
];
