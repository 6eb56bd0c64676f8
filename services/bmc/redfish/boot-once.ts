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
  const places = [await settingsPlace(settings?.SettingsObject), { path: systemPath, boot: current, etag: got.etag }];
  let refused: RedfishRefusal | undefined;
  for (const place of places.filter((one) => one !== undefined)) {
    try {
      await setAt(place, current);
      return;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused ??= error;
      const elsewhere = await settingsPlace(futureStateUri(error));
      if (!elsewhere || places.some((one) => one?.path === elsewhere.path)) continue;
      await setAt(elsewhere, current);
      return;
    }
  }
  throw refused ?? new BmcError('not-supported', `boot ${wanted.device}: there is nothing to set it at`);

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
        if (!isRefusal(error)) throw error;
        refused ??= error;
        if (futureStateUri(error) !== undefined) throw error;
      }
    }
    if ((await storedAt({ ...parts, place: at, wanted: plan.wanted })).ok) return;
    throw refused ?? new BmcError('refused', `boot ${wanted.device}: nothing to try`);
  }

  /** One that holds the boot order (Lenovo SE450) or the mode (iDRAC 10) and no target is no such place. */
  async function settingsPlace(path: string | undefined): Promise<Place | undefined> {
    if (path === undefined) return undefined;
    try {
      const there = await service.get(path, signal);
      const { Boot: boot } = service.parse(systemSettings, there);
      const isOverride =
        boot && Object.entries(boot).some(([name, value]) => isOverrideName(name) && value !== undefined);
      return isOverride ? { path, boot, etag: there.etag } : undefined;
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
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

const isOverrideName = (name: string): boolean => /^BootSourceOverride(?:Target|Enabled)/.test(name);

/** Said no for good, and did nothing. */
const isRefusal = (error: unknown): error is RedfishRefusal =>
  error instanceof RedfishRefusal && (error.code === 'refused' || error.code === 'not-supported');

/** AMI names the settings object only in its refusal. */
function futureStateUri(error: unknown): string | undefined {
  if (!(error instanceof RedfishRefusal)) return undefined;
  const index = error.keys.findIndex((key) => key === 'OperationSupportedInFutureStateURI');
  return index === -1 ? undefined : error.messageArgs[0];
}
