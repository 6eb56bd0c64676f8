import { BmcError, type BmcObserver, type BmcTarget } from '../contract.ts';
import { ejectPatch, holds, insertBodies, insertPatch, isLoaded, slotRank, takesImages } from './decide/media.ts';
import { manager, system, type VirtualMedia, virtualMedia } from './decide/resources.ts';
import { findMachine } from './find-machine.ts';
import { REDFISH_LIMITS, type RedfishLimits } from './limits.ts';
import { collectionPaths } from './members.ts';
import { openService, RedfishRefusal, type RedfishService } from './service.ts';

export type MediaOptions = {
  readonly signal: AbortSignal;
  readonly observer?: BmcObserver;
  readonly limits?: RedfishLimits;
};

type Slot = { readonly path: string; readonly media: VirtualMedia; readonly etag?: string | undefined };

/**
 * Puts an image that the BMC fetches by HTTP into a virtual drive, after what was in it is ejected, and reads it back.
 * To boot from it is `bootOnce({ device: 'media' })`. Rejects with `not-supported` where there is no slot for it,
 * `licence` where the maker sells it separately, `not-stored` where the BMC said yes and holds something else.
 */
export async function insertMedia(target: BmcTarget, image: string, options: MediaOptions): Promise<void> {
  const { signal } = options;
  await using service = await open(target, options);
  const slots = (await slotsOf(service, { wanted: target.system, options })).filter(({ media }) => takesImages(media));
  if (slots.some(({ media }) => holds(media, image))) return;
  let refused: RedfishRefusal | undefined;
  for (const slot of slots) {
    try {
      if (isLoaded(slot.media)) await eject(service, slot, signal);
      await insert(service, slot, image, signal);
    } catch (error) {
      // Cisco has slots that are its own, and say no: the next one may do.
      if (!(error instanceof RedfishRefusal) || !['refused', 'not-supported'].includes(error.code)) throw error;
      refused ??= error;
      continue;
    }
    const after = await service.read(virtualMedia, slot.path, signal);
    if (isLoaded(after)) return;
    throw new BmcError('not-stored', `${slot.path}: it took the image and holds none`);
  }
  throw refused ?? new BmcError('not-supported', 'the BMC has no virtual drive for an image');
}

/** Empties all virtual drives. */
export async function ejectMedia(target: BmcTarget, options: MediaOptions): Promise<void> {
  await using service = await open(target, options);
  const loaded = (await slotsOf(service, { wanted: target.system, options })).filter(({ media }) => isLoaded(media));
  for (const slot of loaded) await eject(service, slot, options.signal);
}

const open = (target: BmcTarget, { observer, limits = REDFISH_LIMITS, signal }: MediaOptions) =>
  openService(target, { observer, limits, signal });

/** They are the manager's on older services, the system's on newer ones; where both tell of them, they are the same. */
async function slotsOf(
  service: RedfishService,
  at: { readonly wanted: string | undefined; readonly options: MediaOptions },
): Promise<readonly Slot[]> {
  const { signal, limits = REDFISH_LIMITS } = at.options;
  const { requests } = limits;
  const machine = await findMachine(service, { wanted: at.wanted, requests, signal });
  const own = (await service.read(system, machine.system, signal)).VirtualMedia;
  const collection = own ?? (machine.manager && (await service.read(manager, machine.manager, signal)).VirtualMedia);
  if (collection === undefined) throw new BmcError('not-supported', 'the BMC has no virtual media');
  const slots: Slot[] = [];
  for (const path of (await collectionPaths(service, collection, { requests: 8, signal })).slice(0, 32)) {
    const got = await service.get(path, signal);
    slots.push({ path, media: service.parse(virtualMedia, got), etag: got.etag });
  }
  return slots.sort((one, other) => slotRank(one.media) - slotRank(other.media));
}

async function insert(service: RedfishService, slot: Slot, image: string, signal: AbortSignal): Promise<void> {
  const action = slot.media.Actions?.['#VirtualMedia.InsertMedia']?.target;
  if (action === undefined) {
    const { etag } = await service.get(slot.path, signal);
    await service.change(slot.path, insertPatch(image), { etag, signal });
    return;
  }
  let refused: unknown;
  for (const body of insertBodies(image)) {
    try {
      await service.post(action, body, signal);
      return;
    } catch (error) {
      if (!(error instanceof RedfishRefusal) || error.code !== 'refused') throw error;
      refused ??= error;
    }
  }
  throw refused;
}

/** The body is `{}`: iLO and iDRAC refuse an action without one. */
async function eject(service: RedfishService, { path, media, etag }: Slot, signal: AbortSignal): Promise<void> {
  const action = media.Actions?.['#VirtualMedia.EjectMedia']?.target;
  if (action === undefined) await service.change(path, ejectPatch, { etag, signal });
  else await service.post(action, {}, signal);
}
