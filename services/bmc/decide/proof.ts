import type { Machine } from '#machines/contract/machine.ts';
import type { BmcIdentity } from '#machines/contract/power.ts';
import { isPlaceholderSerial, sameUuid } from '#machines/decide/identity.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { isPlaceholderUuid, parseUuid } from '#machines/values/uuid.ts';

/** Whether a BMC is a machine's, by what it says of itself and what is known of the machine in band (safety rule 3). */
export type Proof =
  | { readonly kind: 'proven'; readonly by: string }
  | { readonly kind: 'contradicts'; readonly because: string }
  /** Nothing that both sides know. */
  | { readonly kind: 'unknown'; readonly because: string };

/**
 * UUID in either byte order or serial must be equal; Dell's service tag stands in the BMC's SKU. MACs alone prove
 * nothing, because NICs move, but they are what a person is shown. What an operator wrote down counts as in band.
 */
export function proofOf(identity: BmcIdentity, machine: Machine): Proof {
  const { document, identifiers } = machine;
  const uuids = [...(document.uuid === undefined ? [] : [document.uuid]), ...identifiers.uuids].filter(
    (one) => !isPlaceholderUuid(one),
  );
  const serials = [...(document.serial === undefined ? [] : [document.serial]), ...identifiers.serials].filter(
    (one) => !isPlaceholderSerial(one),
  );
  const shownUuid = identity.uuid === undefined ? undefined : parseUuid(identity.uuid);
  const uuid = shownUuid?.ok === true && !isPlaceholderUuid(shownUuid.value) ? shownUuid.value : undefined;
  const shownSerials = [identity.serial, identity.sku].flatMap((one) =>
    one === undefined || isPlaceholderSerial(one) ? [] : [one],
  );

  const sameSerial = serials.find((one) => shownSerials.some((shown) => equal(one, shown)));
  const uuidAgrees = uuid !== undefined && uuids.some((one) => sameUuid(one, uuid));
  const uuidDiffers = uuid !== undefined && uuids.length > 0 && !uuidAgrees;
  if (uuidAgrees) return { kind: 'proven', by: `UUID ${uuid}` };
  if (sameSerial !== undefined && !uuidDiffers) return { kind: 'proven', by: `serial ${sameSerial}` };
  if (sameSerial !== undefined) {
    return {
      kind: 'contradicts',
      because: `serial ${sameSerial} is the machine's, but its BMC says UUID ${uuid}, and the machine ${uuids.join(', ')}`,
    };
  }
  if (uuidDiffers) {
    return { kind: 'contradicts', because: `its BMC says UUID ${uuid}, and the machine itself ${uuids.join(', ')}` };
  }
  if (serials.length > 0 && shownSerials.length > 0 && uuid === undefined) {
    return {
      kind: 'contradicts',
      because: `its BMC says serial ${shownSerials.join(' and ')}, and the machine itself ${serials.join(', ')}`,
    };
  }
  const because =
    uuids.length + serials.length === 0
      ? 'the machine has not shown its UUID or serial yet: it does when it netboots'
      : 'the BMC tells no UUID or serial that could be compared';
  return { kind: 'unknown', because };
}

const equal = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();

export type Likeness = { readonly machine: string; readonly by: readonly string[]; readonly score: number };

/** Which machines a BMC could belong to, likeliest first: UUID and serial before MACs, several before one. */
export function likenesses(identity: BmcIdentity, machines: Iterable<Machine>): readonly Likeness[] {
  const macs = new Set(
    identity.macs.flatMap((text) => {
      const mac = parseMacAddress(text);
      return mac.ok ? [mac.value] : [];
    }),
  );
  const found: Likeness[] = [];
  for (const machine of machines) {
    const shared = [...new Set([...machine.document.macs, ...machine.identifiers.macs])].filter((mac) => macs.has(mac));
    const proof = proofOf(identity, machine);
    const by = [...(proof.kind === 'proven' ? [proof.by] : []), ...shared.map((mac) => `MAC ${mac}`)];
    const score = (proof.kind === 'proven' ? 10 : 0) + shared.length - (proof.kind === 'contradicts' ? 5 : 0);
    if (by.length > 0) found.push({ machine: machine.document.name, by, score });
  }
  return found.toSorted((a, b) => b.score - a.score || a.machine.localeCompare(b.machine));
}
