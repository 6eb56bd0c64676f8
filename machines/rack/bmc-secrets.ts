import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BmcCertificate, makeBmcCertificate } from './bmc/certificate.ts';

export const BMC_USER = 'admin';
const PASSWORD = 'bmc-password';
const KEY = 'bmc-key.pem';
const CERTIFICATE = 'bmc-cert.pem';
/** 16 characters, which IPMI 1.5 keeps too. */
const PASSWORD_BYTES = 12;

export type BmcSecrets = { readonly password: string; readonly certificate: BmcCertificate };

/**
 * What the rack's BMCs are logged in to with, and the certificate they show. Made once for a directory, files of mode
 * 0600: a certificate that changed with each start would look like another machine to whoever pinned it.
 */
export async function bmcSecrets(directory: string): Promise<BmcSecrets> {
  const password = await kept(join(directory, PASSWORD), () => randomBytes(PASSWORD_BYTES).toString('base64url'));
  const known = { key: await fileOf(join(directory, KEY)), cert: await fileOf(join(directory, CERTIFICATE)) };
  if (known.key !== undefined && known.cert !== undefined) {
    return { password, certificate: { key: known.key, cert: known.cert } };
  }
  const certificate = await makeBmcCertificate();
  await writeFile(join(directory, KEY), certificate.key, { mode: 0o600 });
  await writeFile(join(directory, CERTIFICATE), certificate.cert);
  return { password, certificate };
}

async function kept(path: string, make: () => string): Promise<string> {
  const known = (await fileOf(path))?.trim();
  if (known !== undefined && known !== '') return known;
  const made = make();
  await writeFile(path, `${made}\n`, { mode: 0o600 });
  return made;
}

async function fileOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
