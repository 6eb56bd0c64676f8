import { BOOT_TOKEN_FILE } from '#machines/contract/agent.ts';
import { encodeNewc } from '#services/images/wire/newc.ts';

/**
 * A token as an initrd of its own, which root alone can read. The length is that of the token, so that it can be told
 * without one.
 */
export function tokenArchive(token: string): Uint8Array {
  const path = BOOT_TOKEN_FILE.replace(/^\//, '');
  const folders = path.split('/').slice(0, -1);
  return encodeNewc([
    ...folders.map((_, index) => ({ kind: 'folder', path: folders.slice(0, index + 1).join('/') }) as const),
    { kind: 'file', path, mode: 0o400, content: new TextEncoder().encode(`${token}\n`) },
  ]);
}
