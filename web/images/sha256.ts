/** FIPS 180-4 §6.2, piece by piece: a browser's own digest wants all of a file at once, and an image has gigabytes. */
const K = Uint32Array.from(
  // §4.2.2: of the cube roots of the first 64 primes, the first 32 bits behind the point.
  firstPrimes(64).map((prime) => bitsBehindThePoint(Math.cbrt(prime))),
);

function firstPrimes(count: number): readonly number[] {
  const primes: number[] = [];
  for (let one = 2; primes.length < count; one += 1) if (primes.every((prime) => one % prime !== 0)) primes.push(one);
  return primes;
}
function bitsBehindThePoint(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

export type Sha256 = { update(bytes: Uint8Array): void; hex(): string };

export function sha256(): Sha256 {
  // §5.3.3: of the square roots of the first eight primes.
  const state = Uint32Array.from(firstPrimes(8).map((prime) => bitsBehindThePoint(Math.sqrt(prime))));
  const sum = new Uint32Array(8);
  const block = new Uint8Array(64);
  const schedule = new Uint32Array(64);
  let filled = 0;
  let total = 0;

  function compress(from: Uint8Array, at: number): void {
    const w = schedule;
    for (let t = 0; t < 16; t += 1) {
      const i = at + t * 4;
      w[t] = ((from[i] ?? 0) << 24) | ((from[i + 1] ?? 0) << 16) | ((from[i + 2] ?? 0) << 8) | (from[i + 3] ?? 0);
    }
    for (let t = 16; t < 64; t += 1) {
      const x = w[t - 15] ?? 0;
      const y = w[t - 2] ?? 0;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = ((w[t - 16] ?? 0) + s0 + (w[t - 7] ?? 0) + s1) | 0;
    }
    // One by one: taking them apart as a list is an iterator for each 64 bytes.
    let a = state[0] ?? 0;
    let b = state[1] ?? 0;
    let c = state[2] ?? 0;
    let d = state[3] ?? 0;
    let e = state[4] ?? 0;
    let f = state[5] ?? 0;
    let g = state[6] ?? 0;
    let h = state[7] ?? 0;
    for (let t = 0; t < 64; t += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[t] ?? 0) + (w[t] ?? 0)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    sum[0] = a;
    sum[1] = b;
    sum[2] = c;
    sum[3] = d;
    sum[4] = e;
    sum[5] = f;
    sum[6] = g;
    sum[7] = h;
    for (let index = 0; index < 8; index += 1) state[index] = (state[index] ?? 0) + (sum[index] ?? 0);
  }

  return {
    update(bytes) {
      total += bytes.length;
      let at = 0;
      if (filled > 0) {
        at = Math.min(64 - filled, bytes.length);
        block.set(bytes.subarray(0, at), filled);
        filled += at;
        if (filled < 64) return;
        compress(block, 0);
        filled = 0;
      }
      for (; at + 64 <= bytes.length; at += 64) compress(bytes, at);
      filled = bytes.length - at;
      block.set(bytes.subarray(at), 0);
    },
    hex() {
      // §5.1.1: a one, zeros, and the length in bits.
      const padded = new Uint8Array(filled < 56 ? 64 : 128);
      padded.set(block.subarray(0, filled));
      padded[filled] = 0x80;
      new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(total) * 8n);
      for (let at = 0; at < padded.length; at += 64) compress(padded, at);
      return [...state].map((word) => word.toString(16).padStart(8, '0')).join('');
    },
  };
}
