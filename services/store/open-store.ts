import type { Store } from './contract.ts';
import { openSqliteStore } from './sqlite/open-sqlite-store.ts';

/** The store that the configuration names. Rejects with a `StoreError`. */
export async function openStore(config: {
  readonly dataDir: string;
  readonly store: { readonly kind: 'sqlite' | 'postgres' };
}): Promise<Store> {
  return await openSqliteStore({ dir: config.dataDir });
}
