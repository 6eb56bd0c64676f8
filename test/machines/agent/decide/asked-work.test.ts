import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OperateRequest, PlannedDisk } from '#machines/api/messages/agent.ts';
import { workOf } from '#machines/agent/decide/asked-work.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';

const DISK: PlannedDisk = { name: 'nvme0n1', serial: 'S1', bytes: '480103981056', signatures: ['gpt'] };
const target = (disk: PlannedDisk | null, method = 'best') => ({ disk, method, seed: 7 });
const IMAGE = {
  disk: DISK,
  path: '/agent/images/x',
  compression: 'zstd',
  sha256: 'a'.repeat(64),
  raw_bytes: '512',
} as const;

/** As the agent gets it: through the bytes of the protocol, where what is absent becomes null or empty. */
const operate = loadMachineApi().methods.get('/ingot.AgentService/Operate');
const overTheWire = (request: object): OperateRequest =>
  operate?.requestDeserialize(operate.requestSerialize(request)) as OperateRequest;

/** Bytes from the wire are a Buffer. */
const withPlainBytes = (work: object): unknown =>
  JSON.parse(
    JSON.stringify(work, (_key, value) => (value instanceof Uint8Array ? Buffer.from(value).toJSON() : value)),
  );

describe('work that is asked for', () => {
  it('is a wipe of planned disks', () => {
    const read = workOf({ id: 'job-1', wipe: { targets: [target(DISK, 'nvme-sanitize-block')] } });
    assert.deepEqual(read, {
      ok: true,
      work: {
        kind: 'wipe',
        targets: [
          {
            disk: { name: 'nvme0n1', serial: 'S1', bytes: 480_103_981_056, signatures: ['gpt'] },
            method: 'nvme-sanitize-block',
            seed: 7,
          },
        ],
      },
    });
  });

  it('is an image for a planned disk', () => {
    const read = workOf({ id: 'job-1', write_image: IMAGE });
    assert.ok(read.ok && read.work.kind === 'write-image');
    assert.deepEqual(read.work.source, { compression: 'zstd', sha256: 'a'.repeat(64), rawBytes: 512 });
    assert.deepEqual(read.work.after, { seeds: [] });
  });

  const file = { path: 'user-data', content: new Uint8Array(3), mode: 0 };
  const volume = { volume: { label: 'cidata' }, files: [file] };
  const existing = { existing: { label: 'BOTTLEROCKET-PRIVATE', type: '' }, files: [{ ...file, mode: 0o600 }] };
  it('is an image with all that goes beside it', () => {
    const grown = { ...IMAGE, grow: { partition: '' }, seeds: [volume, existing], efi_entry: { label: 'debian-12' } };
    const read = workOf({ id: 'job-1', write_image: grown });
    assert.ok(read.ok && read.work.kind === 'write-image');
    assert.deepEqual(read.work.after, {
      grow: { kind: 'last' },
      efiEntry: { label: 'debian-12' },
      seeds: [
        { kind: 'volume', label: 'cidata', files: [{ ...file, mode: 0o644 }] },
        { kind: 'partition', partition: { label: 'BOTTLEROCKET-PRIVATE' }, files: [{ ...file, mode: 0o600 }] },
      ],
    });
  });

  it('comes over the wire as it was asked for', () => {
    for (const more of [
      {},
      { grow: { partition: 'ROOT' }, seeds: [volume, existing], efi_entry: { label: 'debian-12' } },
      { grow: null, seeds: [existing], efi_entry: null },
    ]) {
      const request = { id: 'job-1', write_image: { ...IMAGE, ...more } };
      const read = workOf(overTheWire(request));
      const direct = workOf(request);
      assert.ok(read.ok && direct.ok);
      assert.deepEqual(withPlainBytes(read.work), withPlainBytes(direct.work));
    }
  });

  for (const [name, more, because] of [
    ['a path that climbs', { seeds: [{ ...volume, files: [{ ...file, path: '../x' }] }] }, /path of a seed is "..\/x"/],
    ['a path of two lines', { seeds: [{ ...volume, files: [{ ...file, path: 'a\nrm b' }] }] }, /path of a seed/],
    ['a file twice', { seeds: [{ ...volume, files: [file, file] }] }, /user-data is there twice/],
    ['a mode beyond permissions', { seeds: [{ ...volume, files: [{ ...file, mode: 0o4755 }] }] }, /mode 4755/],
    ['no files', { seeds: [{ ...volume, files: [] }] }, /without files/],
    ['a seed twice', { seeds: [volume, volume] }, /cidata is there twice/],
    ['another label', { seeds: [{ ...volume, volume: { label: 'ESP' } }] }, /no seed is named "ESP"/],
    ['two places', { seeds: [{ ...volume, ...existing }] }, /one place/],
    ['no place', { seeds: [{ files: [file] }] }, /one place/],
    ['a type that is no GUID', { seeds: [{ ...existing, existing: { label: '', type: 'x' } }] }, /the type "x"/],
    ['no partition', { seeds: [{ ...existing, existing: { label: '', type: '' } }] }, /a name or a type/],
    [
      'more than the room',
      { seeds: [{ ...volume, files: [{ ...file, content: new Uint8Array(9 << 20) }] }] },
      /at most/,
    ],
    ['a label that ends a line', { efi_entry: { label: 'a\nb' } }, /boot entry is named/],
    ['a partition with odd letters', { grow: { partition: '\u202e' } }, /partition to grow/],
  ] as const) {
    it(`is refused beside an image with ${name}`, () => {
      const read = workOf({ id: 'job-1', write_image: { ...IMAGE, ...more } });
      assert.ok(!read.ok);
      assert.match(read.because, because);
    });
  }

  const wipe = (...targets: ReturnType<typeof target>[]): OperateRequest => ({ id: 'job-1', wipe: { targets } });
  for (const [name, request, because] of [
    ['no work', { id: 'job-1' }, /no work/],
    ['two works', { id: 'job-1', wipe: { targets: [target(DISK)] }, write_image: IMAGE }, /not two/],
    ['no id', { ...wipe(target(DISK)), id: '' }, /the id is ""/],
    ['no disk', wipe(target(null)), /without a disk/],
    ['no targets', wipe(), /no disk to wipe/],
    ['a disk twice', wipe(target(DISK), target(DISK)), /nvme0n1 is there twice/],
    ['a path for a disk', wipe(target({ ...DISK, name: '../sda' })), /the disk is named/],
    ['a disk without size', wipe(target({ ...DISK, bytes: '0' })), /nvme0n1 has 0 bytes/],
    ['a size beyond counting', wipe(target({ ...DISK, bytes: '18446744073709551615' })), /bytes/],
    ['an unknown method', wipe(target(DISK, 'shred')), /no method "shred"/],
    ['a foreign address', { id: 'job-1', write_image: { ...IMAGE, path: '//192.0.2.9/x' } }, /the path is/],
    ['another compression', { id: 'job-1', write_image: { ...IMAGE, compression: 'xz' } }, /no compression "xz"/],
    ['half a digest', { id: 'job-1', write_image: { ...IMAGE, sha256: 'ab' } }, /the digest is "ab"/],
    ['an empty image', { id: 'job-1', write_image: { ...IMAGE, raw_bytes: '0' } }, /0 bytes/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      const read = workOf(request);
      assert.ok(!read.ok);
      assert.match(read.because, because);
    });
  }
});
