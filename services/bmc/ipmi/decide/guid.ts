import { isPlaceholderUuid, type Uuid, uuidByteSwapped, uuidFromBytes } from '#machines/values/uuid.ts';

/**
 * The UUID in a system GUID of 16 bytes, or undefined for a placeholder. IPMI v2.0 §22.14 has it back to front; many
 * makers send it as SMBIOS stores it, with only the first three fields turned, or as it is written. The order in which
 * version and variant of RFC 9562 stand in their places is taken: the versions that boards have before all others, and
 * SMBIOS's order, by which it is known in band, before the others. Of some UUIDs it cannot be told: who compares them
 * looks at the other order of the first three fields, too.
 */
export function guidUuid(bytes: Uint8Array): Uuid | undefined {
  const written = uuidFromBytes(bytes);
  const inSmbios = uuidByteSwapped(written);
  const backToFront = uuidFromBytes(bytes.toReversed());
  const orders = [inSmbios, written, backToFront];
  const uuid = LIKELY.map((version) => orders.find((one) => version.test(one))).find((one) => one !== undefined);
  return isPlaceholderUuid(inSmbios) || isPlaceholderUuid(written) ? undefined : (uuid ?? inSmbios);
}

/** Random ones, then those of a MAC address and a time, then whatever a maker composed. */
const LIKELY = [/^.{14}4.{4}[89ab]/, /^.{14}1.{4}[89ab]/, /^.{14}[2-8].{4}[89ab]/];
