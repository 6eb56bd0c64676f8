import type { AccessKey, AccessStore } from '#services/store/contract.ts';

/** A working AccessStore without a disk. */
export function memoryAccessStore(): AccessStore & { readonly keys: Map<string, AccessKey> } {
  const keys = new Map<string, AccessKey>();
  const find = (hash: string): AccessKey | undefined => [...keys.values()].find((key) => key.hash === hash);
  return {
    keys,
    byHash: async (hash) => find(hash),
    list: async () => [...keys.values()],
    put: async (key) => void keys.set(key.id, key),
    take: async (hash) => {
      const key = find(hash);
      if (key) keys.delete(key.id);
      return key;
    },
    remove: async (id) => keys.delete(id),
  };
}
