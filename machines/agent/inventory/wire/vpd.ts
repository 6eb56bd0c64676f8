import { fieldsOf } from './fields.ts';
import { known } from './known.ts';

/** What a SCSI or ATA disk tells in its pages of vital product data (SPC-4 §7.8), which the kernel keeps in sysfs. */
export type DriveNames = { readonly model?: string; readonly serial?: string; readonly firmware?: string };

/** Page 0x80: the serial number, as an SCSI disk has it or libata made it. */
export function decodeVpdSerial(page: Uint8Array): string | undefined {
  const at = fieldsOf(page);
  const length = at.u8(1) === 0x80 ? at.be16(2) : undefined;
  const text = length === undefined ? undefined : at.text(4, Math.min(length, page.length - 4))?.trim();
  return text === '' ? undefined : text;
}

/**
 * Page 0x89 (SAT-4 §12.4.2): IDENTIFY DEVICE of the ATA disk behind it, whose model is whole here; INQUIRY has room for
 * sixteen characters. ATA8-ACS §7.16.7: words 10 to 19 serial number, 23 to 26 firmware, 27 to 46 model.
 */
export function decodeVpdAta(page: Uint8Array): DriveNames | undefined {
  const at = fieldsOf(page);
  const identify = at.u8(1) === 0x89 ? at.bytes(60, 512) : undefined;
  if (!identify) return undefined;
  return known({
    serial: ataText(identify, 10, 19),
    firmware: ataText(identify, 23, 26),
    model: ataText(identify, 27, 46),
  });
}

/** The two characters of each word stand swapped. */
function ataText(identify: Uint8Array, firstWord: number, lastWord: number): string | undefined {
  let text = '';
  for (let word = firstWord; word <= lastWord; word++) {
    text += String.fromCharCode(identify[word * 2 + 1] ?? 0, identify[word * 2] ?? 0);
  }
  const trimmed = text.replaceAll('\0', ' ').trim();
  return trimmed === '' ? undefined : trimmed;
}
