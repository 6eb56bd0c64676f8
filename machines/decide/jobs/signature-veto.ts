/**
 * Signatures that stop a wipe until a person acknowledges them by the disk's serial (safety rule 2): what they mark is
 * often shared, replicated or part of something larger than this machine. A plain file system or partition table is
 * named in the plan like all others and stops nothing.
 */
const VETOES: readonly { readonly pattern: RegExp; readonly means: string }[] = [
  { pattern: /^zfs(_member)?$/i, means: 'a member of a ZFS pool' },
  { pattern: /^ceph(_bluestore|_journal)?$/i, means: 'a Ceph OSD' },
  { pattern: /^LVM[12]_member$/i, means: 'a physical volume of LVM' },
  { pattern: /^linux_raid_member/i, means: 'a member of a Linux RAID' },
  { pattern: /^crypto_LUKS/i, means: 'encrypted with LUKS' },
  { pattern: /^VMFS/i, means: 'a VMFS datastore' },
  { pattern: /^BitLocker$/i, means: 'encrypted with BitLocker' },
  {
    pattern: /^(ddf|isw|imsm|lsi|nvidia|promise|adaptec|silicon_medley|via|jmicron|highpoint)\w*_raid_member$/i,
    means: 'a member of a controller’s RAID',
  },
  { pattern: /^bcache$/i, means: 'a bcache device' },
  { pattern: /^bcachefs$/i, means: 'a member of a bcachefs file system' },
  { pattern: /^stratis$/i, means: 'a member of a Stratis pool' },
  { pattern: /^vdo$/i, means: 'a VDO volume' },
  { pattern: /^oracleasm$/i, means: 'a disk of Oracle ASM' },
  { pattern: /^apfs$/i, means: 'an APFS container' },
  { pattern: /^(drbd|gfs2|ocfs2|gpfs)$/i, means: 'part of a cluster’s storage' },
  { pattern: /^gpt:(STATE|EPHEMERAL|META)$/, means: 'Talos: it may be a live member of a cluster' },
  { pattern: /^gpt:BOTTLEROCKET-/, means: 'Bottlerocket: it may be a live member of a cluster' },
];

/** What this signature means, where it stops a plan. */
export function vetoOf(signature: string): string | undefined {
  return VETOES.find(({ pattern }) => pattern.test(signature))?.means;
}
