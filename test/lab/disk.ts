import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a disk whose own boot code says `text` on the first serial port and halts, to see that a guest came to its disk.
 *
 * Returns what `startGuest` takes as its disk.
 */
export function makeDisk(folder: string, firmware: 'bios' | 'uefi', text: string): string {
  if (firmware === 'bios') {
    const image = join(folder, 'disk.img');
    writeFileSync(image, bootSector(text));
    return image;
  }
  const files = join(folder, 'disk');
  mkdirSync(join(files, 'EFI', 'BOOT'), { recursive: true });
  // Where UEFI looks on a disk that it has no boot entry for (UEFI 2.10, 3.5.1.1).
  writeFileSync(join(files, 'EFI', 'BOOT', 'BOOTX64.EFI'), efiProgram(text));
  // QEMU shows the folder as a disk with one FAT partition.
  return `fat:rw:${files}`;
}

/** A master boot record (loaded at 0x7c00, 16 bit) that writes to COM1 byte by byte. */
function bootSector(text: string): Buffer {
  const code = [
    [0xfc], //             cld
    [0x31, 0xc0], //       xor ax, ax
    [0x8e, 0xd8], //       mov ds, ax
    [0xbe, 0x22, 0x7c], // mov si, 0x7c22: the text, right after this code
    [0xac], //       next: lodsb
    [0x84, 0xc0], //       test al, al
    [0x74, 0x12], //       jz end
    [0x88, 0xc3], //       mov bl, al
    [0xba, 0xfd, 0x03], // mov dx, 0x3fd: line status
    [0xec], //       wait: in al, dx
    [0xa8, 0x20], //       test al, 0x20: room for a byte
    [0x74, 0xfb], //       jz wait
    [0xba, 0xf8, 0x03], // mov dx, 0x3f8: data
    [0x88, 0xd8], //       mov al, bl
    [0xee], //             out dx, al
    [0xeb, 0xe9], //       jmp next
    [0xf4], //        end: hlt
    [0xeb, 0xfd], //       jmp end
  ].flat();
  // SeaBIOS wants more than one sector to call it a disk.
  const image = Buffer.alloc(1024 * 1024);
  image.set([...code, ...Buffer.from(`\r\n${text}\r\n\0`)]);
  image.set([0x55, 0xaa], 510);
  return image;
}

const CODE_AT = 0x1000;
const FILE_ALIGNMENT = 0x200;

/** A UEFI application (PE32+, x86-64) that calls the console's OutputString and halts. OVMF's console is serial too. */
function efiProgram(text: string): Buffer {
  const code = Buffer.from(
    [
      [0x48, 0x83, 0xec, 0x28], //                   sub rsp, 0x28: room that the calling convention wants
      [0x48, 0x8b, 0x4a, 0x40], //                   mov rcx, [rdx+0x40]: SystemTable->ConOut
      [0x48, 0x8d, 0x15, 0x06, 0x00, 0x00, 0x00], // lea rdx, [rip+6]: the text, right after this code
      [0xff, 0x51, 0x08], //                         call [rcx+8]: OutputString
      [0xf4], //                                end: hlt
      [0xeb, 0xfd], //                               jmp end
    ].flat(),
  );
  const section = Buffer.alloc(FILE_ALIGNMENT);
  section.set([...code, ...Buffer.from(`\r\n${text}\r\n\0`, 'utf16le')]);

  const header = Buffer.alloc(FILE_ALIGNMENT);
  header.write('MZ', 0);
  header.writeUInt32LE(0x40, 0x3c); // where the PE header is
  header.write('PE', 0x40);
  const coff = 0x44;
  header.writeUInt16LE(0x8664, coff); // x86-64
  header.writeUInt16LE(1, coff + 2); // sections
  header.writeUInt16LE(240, coff + 16); // size of the optional header
  header.writeUInt16LE(0x22, coff + 18); // executable, large addresses
  const optional = coff + 20;
  header.writeUInt16LE(0x20b, optional); // PE32+
  header.writeUInt32LE(section.length, optional + 4); // size of code
  header.writeUInt32LE(CODE_AT, optional + 16); // entry point
  header.writeUInt32LE(CODE_AT, optional + 20); // base of code
  header.writeUInt32LE(CODE_AT, optional + 32); // section alignment
  header.writeUInt32LE(FILE_ALIGNMENT, optional + 36);
  header.writeUInt32LE(2 * CODE_AT, optional + 56); // size in memory
  header.writeUInt32LE(header.length, optional + 60);
  header.writeUInt16LE(10, optional + 68); // subsystem: UEFI application
  header.writeUInt32LE(16, optional + 108); // data directories, all empty: the code holds for any address
  const row = optional + 240;
  header.write('.text', row);
  header.writeUInt32LE(section.length, row + 8);
  header.writeUInt32LE(CODE_AT, row + 12);
  header.writeUInt32LE(section.length, row + 16);
  header.writeUInt32LE(header.length, row + 20);
  header.writeUInt32LE(0x60000020, row + 36); // code, executable, readable
  return Buffer.concat([header, section]);
}
