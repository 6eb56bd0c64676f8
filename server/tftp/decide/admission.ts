export type Admission = ReturnType<typeof tftpAdmission>;

/** Sources whose request rate is remembered; the one unheard for longest is forgotten first. */
const MAX_SOURCES = 4096;

/**
 * Bounds what clients can make us do: transfers in all and per address, and requests per second and address (a token
 * bucket). Addresses are forgeable, so every table here is bounded too. Times in milliseconds, from the caller.
 */
export function tftpAdmission({
  transfers,
  transfersPerPeer,
  requestsPerSecond,
  requestBurst,
}: {
  readonly transfers: number;
  readonly transfersPerPeer: number;
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
}) {
  const buckets = new Map<string, { tokens: number; at: number; refusing: boolean }>();
  const perPeer = new Map<string, number>();
  let running = 0;

  return {
    /** `first-refusal` is told once per spell, so that a flood is not a flood of events. */
    request(address: string, nowMs: number): 'admitted' | 'refused' | 'first-refusal' {
      const bucket = buckets.get(address) ?? { tokens: requestBurst, at: nowMs, refusing: false };
      bucket.tokens = Math.min(requestBurst, bucket.tokens + ((nowMs - bucket.at) / 1000) * requestsPerSecond);
      bucket.at = nowMs;
      buckets.delete(address);
      buckets.set(address, bucket);
      if (buckets.size > MAX_SOURCES) buckets.delete(buckets.keys().next().value as string);
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        bucket.refusing = false;
        return 'admitted';
      }
      if (bucket.refusing) return 'refused';
      bucket.refusing = true;
      return 'first-refusal';
    },

    /** Takes a place, or says which limit is reached. Each place taken is given back by `leave`. */
    enter(address: string): 'entered' | 'transfer limit' | 'transfer limit of this address' {
      if (running >= transfers) return 'transfer limit';
      const mine = perPeer.get(address) ?? 0;
      if (mine >= transfersPerPeer) return 'transfer limit of this address';
      perPeer.set(address, mine + 1);
      running++;
      return 'entered';
    },

    leave(address: string): void {
      const mine = perPeer.get(address) ?? 0;
      if (mine > 1) perPeer.set(address, mine - 1);
      else perPeer.delete(address);
      running--;
    },

    running: () => running,
  };
}
