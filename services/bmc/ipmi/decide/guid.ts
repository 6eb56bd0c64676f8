import { isPlaceholderUuid, type Uuid, uuidByteSwapped, uuidFromBytes } from '#machines/values/uuid.ts';

/**
 * The UUID in a system GUID of 16 bytes, or undefined for a placeholder. IPMI v2.0 §22.14 has it back to front; many
 * makers send it as SMBIOS stores it, with only the first three fields turned, or as it is written. The order that
 * shows version and variant of RFC 9562 in their places is taken; where several do, SMBIOS's, by which it is known in
 * band. Who compares it looks at the other order of the first three fields, too.
 */
export function guidUuid(bytes: Uint8Array): Uuid | undefined {
  const written = uuidFromBytes(bytes);
  const inSmbios = uuidByteSwapped(written);
  const backToFront = uuidFromBytes(bytes.toReversed());
  const uuid = [inSmbios, written, backToFront].find(looksRight) ?? inSmbios;
  return isPlaceholderUuid(uuid) || isPlaceholderUuid(written) ? undefined : uuid;
}

const looksRight = (uuid: Uuid): boolean => /^.{14}[1-8].{4}[89ab]/.test(uuid);
