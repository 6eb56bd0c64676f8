/** Bytes held in memory for as long as somebody uses them, and then until their room is needed. */
export type HeldBytes = { readonly bytes: Uint8Array; readonly release: () => void };

type Entry = { readonly size: number; users: number; readonly bytes: Promise<Uint8Array> };

/**
 * Whole files in memory, one copy for all who send them, never more than `maxBytes` in all. What is in use is not
 * thrown out; when there is no room `hold` gives undefined, and the caller reads piece by piece.
 *
 * The key must change when the content does.
 */
export function sharedBytes({ maxBytes, maxFileBytes }: { readonly maxBytes: number; readonly maxFileBytes: number }) {
  /** Least recently used first. */
  const entries = new Map<string, Entry>();
  let held = 0;

  function forget(key: string, entry: Entry): void {
    if (entries.get(key) !== entry) return;
    entries.delete(key);
    held -= entry.size;
  }

  function makeRoom(size: number): boolean {
    if (size > maxFileBytes) return false;
    for (const [key, entry] of entries) {
      if (held + size <= maxBytes) break;
      if (entry.users === 0) forget(key, entry);
    }
    return held + size <= maxBytes;
  }

  return {
    /** Rejects as `load` does; then nothing is kept. */
    async hold(key: string, size: number, load: () => Promise<Uint8Array>): Promise<HeldBytes | undefined> {
      let entry = entries.get(key);
      if (entry) entries.delete(key);
      else {
        if (!makeRoom(size)) return undefined;
        entry = { size, users: 0, bytes: load() };
        held += size;
      }
      entries.set(key, entry);
      const mine = entry;
      mine.users++;
      let released = false;
      const release = () => {
        if (!released) mine.users--;
        released = true;
      };
      try {
        return { bytes: await mine.bytes, release };
      } catch (error) {
        release();
        forget(key, mine);
        throw error;
      }
    },
    bytesHeld: () => held,
  };
}
