import type { Inventory } from '../../contract/inventory.ts';
import type { Source } from './source.ts';

/** The global namespace of UEFI 2.10 §3.3. */
const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Which firmware started us, whether it checks signatures, and the TPM. */
export async function readFirmware(source: Source): Promise<Pick<Inventory, 'firmware' | 'secureBoot' | 'tpm'>> {
  const uefi = (await source.names('/sys/firmware/efi')).length > 0;
  return {
    firmware: uefi ? 'uefi' : 'bios',
    ...(uefi ? await readSecureBoot(source) : {}),
    tpm: await readTpm(source),
  };
}

/** Four bytes of attributes, then 1 or 0. */
async function readSecureBoot(source: Source): Promise<{ readonly secureBoot?: boolean }> {
  const variable = await source.bytes(SECURE_BOOT);
  if (variable?.length === 5) return { secureBoot: variable[4] === 1 };
  // Firmware without Secure Boot has no such variable; without efivarfs there is none at all.
  if ((await source.names('/sys/firmware/efi/efivars')).length > 0) return { secureBoot: false };
  source.gap('secure boot: /sys/firmware/efi/efivars is not mounted');
  return {};
}

async function readTpm(source: Source): Promise<NonNullable<Inventory['tpm']>> {
  const [name] = await source.names('/sys/class/tpm');
  if (name === undefined) return { present: false };
  const major = await source.number(`/sys/class/tpm/${name}/tpm_version_major`);
  if (major !== undefined) return { present: true, version: major === 2 ? '2.0' : `${major}.2` };
  // Kernels before 5.6 do not tell, but only the old kind has `caps`.
  const caps = await source.line(`/sys/class/tpm/${name}/device/caps`);
  return { present: true, ...(caps === undefined ? {} : { version: '1.2' }) };
}
