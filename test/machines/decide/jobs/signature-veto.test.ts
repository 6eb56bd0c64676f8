import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { vetoOf } from '#machines/decide/jobs/signature-veto.ts';
import { FORMATS } from '#test/machines/agent/inventory/disk-images.ts';

/** Formats of which one disk is all: what they hold is named in the plan, and stops nothing. */
const PLAIN = new Set([
  ...['vfat', 'exfat', 'ntfs', 'ReFS', 'ext2', 'ext3', 'ext4', 'jbd', 'xfs', 'jfs', 'reiserfs', 'f2fs', 'nilfs2'],
  ...['hfsplus', 'swap', 'swsuspend', 'squashfs', 'erofs', 'cramfs', 'iso9660', 'udf', 'gpt', 'dos', 'PMBR', 'btrfs'],
  ...['DM_verity_hash', 'DM_integrity', 'DM_snapshot_cow'],
]);

describe('signatures that stop a wipe', () => {
  for (const name of new Set(FORMATS.map((format) => format.name))) {
    it(`${name} ${PLAIN.has(name) ? 'does not' : 'does'}`, () => {
      assert.equal(vetoOf(name) !== undefined, !PLAIN.has(name));
    });
  }

  it('a live member of a cluster does, by the names of its partitions', () => {
    assert.match(vetoOf('gpt:STATE') ?? '', /Talos/);
    assert.match(vetoOf('gpt:BOTTLEROCKET-DATA') ?? '', /Bottlerocket/);
    assert.equal(vetoOf('gpt:data'), undefined);
  });
});
