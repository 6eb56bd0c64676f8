import type { Store } from './contract.ts';
import { openPostgresStore } from './postgres/open-postgres-store.ts';
import { openSqliteStore } from './sqlite/open-sqlite-store.ts';

export type StoreConfig = {
  readonly dataDir: string;
  readonly store: { readonly kind: 'sqlite' } | { readonly kind: 'postgres'; readonly url: string };
};

/** The store that the configuration names. Rejects with a `StoreError`. */
export async function openStore({ dataDir, store }: StoreConfig): Promise<Store> {
  return store.kind === 'postgres'
    ? await openPostgresStore({ url: store.url })
    : await openSqliteStore({ dir: dataDir });
}
