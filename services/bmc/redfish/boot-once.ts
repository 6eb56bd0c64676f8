import { setTimeout as sleep } from 'node:timers/promises';
import type { BootOnce } from '#machines/contract/power.ts';
import { BmcError } from '../contract.ts';
import { bootPlan, bootStored, bootText, isBootForm, type WantedBoot } from './decide/boot-override.ts';
import { type Boot, system, systemSettings } from './decide/resources.ts';
import type { RedfishLimits } from './limits.ts';
import { RedfishRefusal, type RedfishService } from './service.ts';

/** Where the override is changed and read back: the system, or its settings object. */
type Place = { readonly path: string; readonly boot: Boot; readonly etag?: string | undefined };

type Parts = {
  readonly service: RedfishService;
  readonly systemPath: string;
  readonly limits: RedfishLimits;
  readonly signal: AbortSignal;
};

/**
 * Sets what boots next, once, and reads it back; rejects with `not-stored` when something else stands there. Distilled
 * from what sushy, ironic and bmclib had to learn: a settings object that holds Boot is the place to change it (AMI,
 * Nokia, iDRAC 10), a 400 means that the other form is wanted, and neither 2xx nor 400 says what is stored (iDRAC
 * answers 400 with SYS444 and does it).
 */
export async function setBootOnce(parts: Parts & { readonly wanted: BootOnce }): Promise<void> {
  const { service, systemPath, limits, signal, wanted } = parts;
  const got = await service.get(systemPath, signal);
  const { Boot: current = {}, '@Redfish.Settings': settings } = service.parse(system, got);
  const own: Place = { path: systemPath, boot: current, etag: got.etag };
  const place = (await settingsPlace(parts, settings?.SettingsObject)) ?? own;
  try {
    await setAt(place, current);
  } catch (error) {
    const elsewhere = futureStateUri(error);
    const other = elsewhere === undefined ? undefined : await settingsPlace(parts, elsewhere);
    if (!other || other.path === place.path) throw error;
    await setAt(other, current);
  }

  async function setAt(at: Place, now: Boot): Promise<void> {
    const learned = service.learned('boot');
    const plan = bootPlan({
      wanted,
      changes: at.boot,
      current: now,
      learned: isBootForm(learned) ? learned : undefined,
    });
    if (!plan.ok) throw new BmcError('not-supported', `boot ${wanted.device}: ${plan.because}`);
    let refused: RedfishRefusal | undefined;
    for (const { form, boot } of plan.tries) {
      try {
        await service.change(at.path, { Boot: boot }, { etag: at.etag, signal });
        await readBack({ ...parts, place: at, wanted: plan.wanted });
        service.learn({ boot: form });
        return;
      } catch (error) {
        if (!(error instanceof RedfishRefusal) || error.code !== 'refused') throw error;
        refused ??= error;
        if (futureStateUri(error) !== undefined) throw error;
      }
    }
    if ((await storedAt({ ...parts, place: at, wanted: plan.wanted })).ok) return;
    throw refused ?? new BmcError('refused', `boot ${wanted.device}: nothing to try`);
  }

  async function settingsPlace({ signal }: Parts, path: string | undefined): Promise<Place | undefined> {
    if (path === undefined) return undefined;
    const there = await service.get(path, signal);
    const { Boot: boot } = service.parse(systemSettings, there);
    return boot && { path, boot, etag: there.etag };
  }

  async function readBack(at: Parts & { readonly place: Place; readonly wanted: WantedBoot }): Promise<void> {
    if ((await storedAt(at)).ok) return;
    // Some take a moment between their answer and what they show.
    await sleep(limits.readBackMs, undefined, { signal });
    const second = await storedAt(at);
    if (second.ok) return;
    throw new BmcError('not-stored', `it took ${bootText(at.wanted)} and has ${second.got}`);
  }
}

async function storedAt({
  service,
  systemPath,
  place,
  wanted,
  signal,
}: Parts & { readonly place: Place; readonly wanted: WantedBoot }) {
  const schema = place.path === systemPath ? system : systemSettings;
  const { Boot: boot } = await service.read<{ readonly Boot?: Boot | undefined }>(schema, place.path, signal);
  return bootStored(boot, wanted);
}

/** AMI names the settings object only in its refusal. */
function futureStateUri(error: unknown): string | undefined {
  if (!(error instanceof RedfishRefusal)) return undefined;
  const index = error.keys.findIndex((key) => key === 'OperationSupportedInFutureStateURI');
  return index === -1 ? undefined : error.messageArgs[0];
}
