/** An ELF file of nothing but a .modinfo section with these `key=value` strings, as a kernel module has one. */
export function kernelModule(facts: readonly string[]): Uint8Array {
  const text = new TextEncoder().encode(facts.map((fact) => `${fact}\0`).join(''));
  const names = new TextEncoder().encode('\0.modinfo\0.shstrtab\0');
  const headers = 64 + text.length + names.length;
  const bytes = new Uint8Array(headers + 3 * 64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set(text, 64);
  bytes.set(names, 64 + text.length);
  view.setBigUint64(0x28, BigInt(headers), true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 3, true);
  view.setUint16(0x3e, 2, true);
  const section = (index: number, name: number, offset: number, length: number) => {
    const at = headers + index * 64;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, 1, true);
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(length), true);
  };
  section(1, 1, 64, text.length);
  section(2, 10, 64 + text.length, names.length);
  return bytes;
}
