import type { VirtualMedia } from './resources.ts';

/** A slot is of use for an ISO image when it takes CDs or DVDs; one that does not tell is tried. */
export const takesImages = ({ MediaTypes: types }: VirtualMedia): boolean =>
  types === undefined || types.length === 0 || types.some((type) => type === 'CD' || type === 'DVD');

/**
 * Slots in the order to be tried. Lenovo XCC has slots without actions, of which `Remote…` are for images at a URL, and
 * `RDOC…` for those that were uploaded to the BMC before.
 */
export function slotRank({ Id, Name, Actions }: VirtualMedia): number {
  const label = `${Id ?? ''} ${Name ?? ''}`;
  if (/RDOC/i.test(label)) return 3;
  if (Actions?.['#VirtualMedia.InsertMedia']?.target !== undefined) return 0;
  return /remote/i.test(label) ? 1 : 2;
}

/**
 * Bodies of InsertMedia, in the order to be tried while the service says 400: Supermicro X11 and X12 refuse Inserted and
 * WriteProtected; Nokia wants the protocol to be named; NVIDIA's DGX wants a user and a password, whatever they are.
 */
export function insertBodies(image: string): readonly Readonly<Record<string, unknown>>[] {
  const full = { Image: image, Inserted: true, WriteProtected: true };
  const named = {
    ...full,
    TransferProtocolType: image.startsWith('https:') ? 'HTTPS' : 'HTTP',
    TransferMethod: 'Stream',
  };
  return [full, { Image: image }, named, { ...named, UserName: 'none', Password: 'none' }];
}

/** Without actions a slot is changed like any resource (Lenovo XCC, SD530). */
export const insertPatch = (image: string) => ({ Image: image, Inserted: true });
export const ejectPatch = { Image: null, Inserted: false };

/** Supermicro keeps the name of the image after it was ejected, so that `Inserted` decides where it is told. */
export const holds = ({ Inserted, Image }: VirtualMedia, image: string): boolean =>
  Inserted !== false && Image === image;
export const isLoaded = ({ Inserted, Image }: VirtualMedia): boolean => Inserted ?? Image !== undefined;
