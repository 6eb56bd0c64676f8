/** Sequence numbers that were seen: `seen` bit n is `highest - n`. */
export type SequenceWindow = { readonly highest: number; readonly seen: number };

export const NOTHING_SEEN: SequenceWindow = { highest: 0, seen: 1 };

const ABOVE = 15;
const BELOW = 16;

/** IPMI v2.0 §6.12.13: no number twice, none far ahead, none far behind. Nothing when the packet is to be dropped. */
export function admit({ highest, seen }: SequenceWindow, sequence: number): SequenceWindow | undefined {
  if (sequence === 0) return undefined;
  // 32 bits that go round.
  const ahead = (sequence - highest) | 0;
  if (ahead > ABOVE || ahead < -BELOW) return undefined;
  if (ahead > 0) return { highest: sequence, seen: (seen << ahead) | 1 };
  const bit = 1 << -ahead;
  return (seen & bit) === 0 ? { highest, seen: seen | bit } : undefined;
}
