import type { BmcIdentity } from '#machines/contract/power.ts';
import type { BmcRecord } from '#services/store/contract.ts';
import type { Bmcs } from './bmcs.ts';
import { type BmcCredential, BmcError } from './contract.ts';
import type { Clock } from './clock.ts';

/** So many in a row that refuse it, and it is the wrong one: the others are spared. */
const WRONG_IN_A_ROW = 3;
/** Tries at one BMC, with any credential, in an hour: hardened ones lock after three. */
const TRIES_AN_HOUR = 2;
const HOUR_MS = 60 * 60_000;
const LOGIN_MS = 20_000;

export type Tried = {
  readonly address: string;
  readonly outcome: 'opened' | 'refused' | 'not-tried';
  readonly because: string;
  readonly identity?: BmcIdentity;
};

export type Tries = {
  /**
   * Logs in to each with one credential, once, one after the other. Redfish only to the certificate that was shown; who
   * has another one gets nothing. Rejects only with the reason of the signal.
   */
  attempt(
    what: {
      readonly credential: { readonly name: string; readonly secret: BmcCredential };
      readonly bmcs: readonly {
        readonly address: string;
        readonly type: 'redfish' | 'ipmi';
        readonly sha256?: string;
      }[];
    },
    signal: AbortSignal,
  ): Promise<readonly Tried[]>;
};

/** Remembers who was tried, so that no BMC locks its account over it. */
export function openTries({ bmcs, clock }: { readonly bmcs: Bmcs; readonly clock: Clock }): Tries {
  const refusals = new Map<string, number[]>();

  const recent = (address: string): readonly number[] =>
    (refusals.get(address) ?? []).filter((at) => clock.now() - at < HOUR_MS);

  function wrongPin(
    { type, sha256 }: { readonly type: string; readonly sha256?: string },
    known: BmcRecord | undefined,
  ) {
    if (type !== 'redfish') return undefined;
    const pin = known?.pin?.sha256;
    if (sha256 === undefined && pin === undefined)
      return 'its certificate is not pinned: look at it first, and name it';
    if (sha256 !== undefined && pin !== undefined && pin !== sha256) return `another certificate is pinned: ${pin}`;
    return undefined;
  }

  async function one(
    bmc: { readonly address: string; readonly type: 'redfish' | 'ipmi'; readonly sha256?: string },
    credential: { readonly name: string; readonly secret: BmcCredential },
    signal: AbortSignal,
  ): Promise<Tried> {
    const { address, type, sha256 } = bmc;
    const notTried = (because: string): Tried => ({ address, outcome: 'not-tried', because });
    if (recent(address).length >= TRIES_AN_HOUR) {
      return notTried(`${TRIES_AN_HOUR} logins were refused within the hour: a third may lock the account`);
    }
    const wrong = wrongPin(bmc, bmcs.record(address));
    if (wrong !== undefined) return notTried(wrong);
    // The pin is kept before the first byte goes out: then the driver refuses whoever shows another.
    if (sha256 !== undefined && bmcs.record(address)?.pin === undefined) {
      await bmcs.change(bmc, (record) => ({ ...record, pin: { sha256, subject: '', at: clock.now() } }));
    }
    const within = AbortSignal.any([signal, AbortSignal.timeout(LOGIN_MS)]);
    try {
      await using driver = await bmcs.open({ machine: address, address, type }, within, credential.secret);
      const identity = await driver.identity(within);
      const at = clock.now();
      await bmcs.change(bmc, (record) => ({
        ...record,
        identity,
        credential: credential.name,
        discoveredAt: record.discoveredAt ?? at,
        seenAt: at,
      }));
      refusals.delete(address);
      return { address, outcome: 'opened', because: `logged in as ${credential.secret.username}`, identity };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof DOMException) return { address, outcome: 'refused', because: 'it did not answer in time' };
      if (!(error instanceof BmcError)) throw error;
      if (error.code === 'credential') refusals.set(address, [...recent(address), clock.now()]);
      return { address, outcome: 'refused', because: error.message };
    }
  }

  return {
    async attempt({ credential, bmcs: asked }, signal) {
      const results: Tried[] = [];
      let wrong = 0;
      for (const bmc of asked) {
        if (wrong >= WRONG_IN_A_ROW) {
          const because = `${wrong} refused this credential in a row: it is the wrong one`;
          results.push({ address: bmc.address, outcome: 'not-tried', because });
          continue;
        }
        const before = recent(bmc.address).length;
        const result = await one(bmc, credential, signal);
        if (result.outcome === 'opened') wrong = 0;
        else if (recent(bmc.address).length > before) wrong += 1;
        results.push(result);
      }
      return results;
    },
  };
}
