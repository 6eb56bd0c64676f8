import { once } from 'node:events';
import { makeBmcCertificate } from '#machines/rack/bmc/certificate.ts';
import type { BmcFault } from '#machines/rack/bmc/faults.ts';
import { type BmcHardware, rackHardware } from '#machines/rack/bmc/hardware.ts';
import type { PowerTimes } from '#machines/rack/bmc/power.ts';
import { type PowerBackend, simulatedPower } from '#machines/rack/bmc/power-backend.ts';
import { BMC_PROFILES, type BmcProfile, type BmcProfileName, type BmcQuirk } from '#machines/rack/bmc/quirks.ts';
import { type Bmc, bmcTls, startBmc } from '#machines/rack/bmc/start-bmc.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid } from '#machines/values/uuid.ts';

export const USER = { username: 'admin', password: 'right-Password1' } as const;
export const OPERATOR = { username: 'oper', password: 'oper-Password1', role: 'Operator' } as const;
export const READER = { username: 'looker', password: 'look-Password1', role: 'ReadOnly' } as const;

export const HARDWARE: BmcHardware = rackHardware({
  name: 'node1',
  mac: sure(parseMacAddress('52:54:00:00:00:01')),
  uuid: sure(parseUuid('12345678-1234-5678-9abc-def012345678')),
  serial: 'SN0001',
  manufacturer: 'Simulated',
  product: 'Server 1',
  firmware: 'uefi',
  faults: [],
});

// Made once for all tests of a file: a certificate takes longer than a test.
const tls = makeBmcCertificate().then(bmcTls);

export type RackBmc = AsyncDisposable & {
  readonly bmc: Bmc;
  readonly backend: PowerBackend;
  /** `network uefi`: what each boot attempt was told. */
  readonly boots: readonly string[];
  readonly port: { readonly redfish: number; readonly ipmi: number };
};

export type RackBmcOptions = {
  readonly profile?: BmcProfileName;
  readonly change?: Partial<BmcProfile>;
  readonly quirks?: readonly BmcQuirk[];
  readonly faults?: readonly BmcFault[];
  readonly times?: Partial<PowerTimes>;
  readonly kg?: Uint8Array;
  readonly now?: () => number;
  readonly random?: () => number;
  /** In place of a machine that runs as soon as it has power. */
  readonly backend?: PowerBackend;
  /** Until which a boot attempt stays in its self-test. */
  readonly selfTest?: Promise<void>;
};

/** A BMC of the rack on free loopback ports, with the three users above and a machine that boots at once. */
export async function rackBmc(options: RackBmcOptions = {}): Promise<RackBmc> {
  const { profile = 'plain', quirks, faults, kg, now, random, selfTest } = options;
  const boots: string[] = [];
  const backend =
    options.backend ??
    simulatedPower({
      boot: async ({ takeBoot, stage, say, signal }) => {
        const { device, mode } = takeBoot();
        boots.push(`${device} ${mode}`);
        if (selfTest) await Promise.race([selfTest, once(signal, 'abort')]);
        say('login: ');
        stage('running');
        return 'stays-on';
      },
      shutdownMs: 0,
      onError: (error) => {
        throw error;
      },
    });
  const stop = new AbortController();
  const bmc = await startBmc({
    identity: HARDWARE,
    backend,
    address: '127.0.0.1',
    ports: { redfish: 0, ipmi: 0 },
    profile: { ...BMC_PROFILES[profile], ...options.change },
    credentials: [USER, OPERATOR, READER],
    tls: await tls,
    times: { onMs: 0, offMs: 0, restMs: 0, restartMs: 50, ...options.times },
    signal: stop.signal,
    ...(quirks ? { quirks } : {}),
    ...(faults ? { faults } : {}),
    ...(kg ? { kg } : {}),
    ...(now ? { now } : {}),
    ...(random ? { random } : {}),
  });
  return {
    bmc,
    backend,
    boots,
    port: { redfish: Number(new URL(bmc.url).port), ipmi: Number(bmc.ipmi.split(':')[1]) },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await bmc[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}
