/** `4.2 s`, `3 min`, `2 h 5 min`, `4 days`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  const minutes = Math.round(ms / 60_000);
  if (ms < 172_800_000) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/** `3 min ago`; what is to come is `in 3 min`. */
export function ago(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 5000) return 'just now';
  return ms < 0 ? `in ${duration(-ms)}` : `${duration(ms)} ago`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { year: 'numeric', month: 'short', day: '2-digit' });

/** `28 Nov 2026, 12:04:59`, by the clock of whoever looks. */
export const when = (at: number): string => `${DAY.format(at)}, ${CLOCK.format(at)}`;
export const clock = (at: number): string => CLOCK.format(at);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Of files and memory: powers of 1024. Disks are sold by powers of ten (machines/values/size.ts). */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, '')} ${UNITS[unit] ?? ''}`;
}

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** `write-image` → `write image`. */
export const words = (code: string): string => code.replaceAll('-', ' ');
export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
