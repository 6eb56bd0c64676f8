import type { Random } from '#services/auth/secret.ts';
import type { SecretStore } from '#services/store/contract.ts';
import { keyIdOf, seal, unseal } from './envelope.ts';
import { sealKey } from './key-file.ts';
import { VaultError } from './vault-error.ts';

/**
 * Secrets by name, sealed in the store with AES-256-GCM under one key of this daemon. Never logs, and nothing here
 * prints a secret; who reads one holds it no longer than it takes to use it.
 */
export type Vault = {
  readonly key: { readonly id: string; readonly path: string; readonly made: boolean };
  /** Nothing where there is no such secret. Rejects with a `VaultError` where it does not open. */
  read(name: string): Promise<string | undefined>;
  /** Durable when it resolves. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<boolean>;
  /** Text that is kept elsewhere; it opens only under the same name. */
  seal(name: string, text: string): string;
  /** Throws a `VaultError` where it does not open. */
  unseal(name: string, sealed: string): string;
  /** All that begin so. */
  names(prefix: string): Promise<readonly string[]>;
  /** Secrets that this key does not open, and why: what doctor and the start of the daemon tell. */
  unreadable(): Promise<readonly VaultError[]>;
};

/** Rejects with a `VaultError` when the key cannot be used as it lies there. */
export async function openVault(parts: {
  readonly secrets: SecretStore;
  readonly dataDir: string;
  /** `$CREDENTIALS_DIRECTORY` */
  readonly credentialsDir: string | undefined;
  readonly random: Random;
}): Promise<Vault> {
  const { secrets, random } = parts;
  // A new key where secrets are sealed already would hide that the old one is gone.
  const mayMake = (await secrets.names()).length === 0;
  const { key, path, made } = await sealKey({ ...parts, mayMake });

  async function read(name: string): Promise<string | undefined> {
    const sealed = await secrets.get(name);
    return sealed === undefined ? undefined : unseal(key, name, sealed);
  }

  return {
    key: { id: keyIdOf(key), path, made },
    read,
    write: (name, text) => secrets.put(name, seal(key, name, text, random)),
    remove: (name) => secrets.remove(name),
    seal: (name, text) => seal(key, name, text, random),
    unseal: (name, sealed) => unseal(key, name, sealed),
    names: async (prefix) => (await secrets.names()).filter((name) => name.startsWith(prefix)),
    async unreadable() {
      const found: VaultError[] = [];
      for (const name of await secrets.names()) {
        try {
          await read(name);
        } catch (error) {
          if (!(error instanceof VaultError)) throw error;
          found.push(error);
        }
      }
      return found;
    },
  };
}
