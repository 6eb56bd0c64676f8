/** One entry of an archive, in the order in which the kernel unpacks them: folders before what is in them. */
export type CpioEntry = { readonly path: string } & (
  | { readonly kind: 'folder' }
  | { readonly kind: 'file'; readonly content: Uint8Array; readonly executable?: boolean }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'device'; readonly major: number; readonly minor: number }
);

const TRAILER: CpioEntry = { path: 'TRAILER!!!', kind: 'file', content: new Uint8Array() };

/** Builds an archive in the "newc" format that Linux takes as an initramfs (Documentation/driver-api/early-userspace). */
export function encodeCpio(entries: readonly CpioEntry[]): Buffer {
  return Buffer.concat([...entries, TRAILER].flatMap((entry, index) => encodeEntry(entry, index + 1)));
}

function encodeEntry(entry: CpioEntry, inode: number): Buffer[] {
  const name = Buffer.from(`${entry.path}\0`);
  const content = contentOf(entry);
  const device = entry.kind === 'device' ? entry : { major: 0, minor: 0 };
  const fields = [
    inode,
    modeOf(entry),
    0, // uid
    0, // gid
    1, // links
    0, // time: the archive depends on its content alone
    content.length,
    0, // device the archive was made on
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum, unused in this format
  ];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [padded(Buffer.concat([header, name])), padded(content)];
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.kind === 'file') return Buffer.from(entry.content);
  return Buffer.from(entry.kind === 'link' ? entry.target : '');
}

function modeOf(entry: CpioEntry): number {
  if (entry.kind === 'file') return entry.executable === true ? 0o100755 : 0o100644;
  return { folder: 0o040755, link: 0o120777, device: 0o020600 }[entry.kind];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
