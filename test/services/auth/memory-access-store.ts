import type { AccessKey, AccessStore } from '#services/store/contract.ts';

/** A working AccessStore without a disk. */
export function memoryAccessStore(): AccessStore & { readonly keys: Map<string, AccessKey> } {
  const keys = new Map<string, AccessKey>();
  const find = (hash: string): AccessKey | undefined => [...keys.values()].find((key) => key.hash === hash);
  const madeWith = (id: string): readonly string[] => [
    id,
    ...[...keys.values()].filter(({ parent }) => parent === id).flatMap((child) => madeWith(child.id)),
  ];
  return {
    keys,
    byHash: async (hash) => find(hash),
    get: async (id) => keys.get(id),
    list: async () => [...keys.values()],
    async put(key) {
      if (key.parent !== undefined && !keys.has(key.parent)) return false;
      keys.set(key.id, key);
      return true;
    },
    take: async (hash) => {
      const key = find(hash);
      if (key) keys.delete(key.id);
      return key;
    },
    remove: async (id) => (keys.has(id) ? madeWith(id).filter((gone) => keys.delete(gone)) : []),
  };
}
