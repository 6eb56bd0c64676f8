/** `14:03:07`. */
export function clockText(at: number, offsetMs: number): string {
  const seconds = Math.floor((at + offsetMs) / 1000) % 86_400;
  return [seconds / 3600, (seconds / 60) % 60, seconds % 60]
    .map((part) => String(Math.floor(part)).padStart(2, '0'))
    .join(':');
}

export const durationText = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
