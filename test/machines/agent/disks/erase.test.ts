import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Disk, Disks } from '#machines/agent/disks/disk.ts';
import { erase } from '#machines/agent/disks/erase.ts';
import type { WipeMethod } from '#machines/contract/job.ts';

/** Only its name is used by what a drive does by itself. */
const DRIVE = { name: 'sda' } as Disk;

/** Erases a drive whose tools answer so, one after another; gives what was run. */
async function erased(method: WipeMethod, ...answers: readonly string[]): Promise<readonly string[]> {
  const ran: string[] = [];
  const run: Disks['run'] = async (program, args) => {
    ran.push([program, ...args].join(' '));
    return { status: 0, stdout: answers[ran.length - 1] ?? '', stderr: '' };
  };
  await erase(DRIVE, method, { run }, () => {}, AbortSignal.timeout(10_000));
  return ran;
}

/** As nvme-cli 2.3 of Debian 12 prints it. */
const log = (status: string): string =>
  JSON.stringify({ sda: { sprog: 65_535, sstat: { global_erased: 1, no_cmplted_passes: 0, status } } });
/** As hdparm 9.65 prints it. */
const state = (...lines: readonly string[]): string =>
  ['', '/dev/sda:', 'Issuing SANITIZE_STATUS command', 'Sanitize status:', ...lines.map((line) => `    ${line}`)].join(
    '\n',
  );

describe('an erasure that the drive does by itself', () => {
  it('sanitizes NVMe drives, and believes what the log of this and of older nvme-cli says', async () => {
    const finished = log('(1) Most Recent Sanitize Command Completed Successfully.');
    assert.deepEqual(await erased('nvme-sanitize-block', '', finished), [
      'nvme sanitize /dev/sda --sanact=2',
      'nvme sanitize-log /dev/sda -o json',
    ]);
    assert.deepEqual((await erased('nvme-sanitize-crypto', '', '{"sprog":65535,"sstat":257}')).length, 2);
    await assert.rejects(erased('nvme-sanitize-block', '', log('(3) Most Recent Sanitize Command Failed.')), /is 3/);
    await assert.rejects(erased('nvme-sanitize-block', '', log('(0) NVM subsystem never been sanitized.')), /is 0/);
    await assert.rejects(erased('nvme-sanitize-block', '', log('Sanitized?')), /got .*want sprog and sstat/);
  });

  it('waits while an NVMe drive is at it', async () => {
    const ran = await erased('nvme-sanitize-block', '', log('(2) Sanitize in Progress.'), log('(1) Completed.'));
    assert.equal(ran.length, 3);
  });

  it('sanitizes ATA drives, and waits for none that is frozen, idle or has failed', async () => {
    const finished = state('State:    SD0 Sanitize Idle', 'Last Sanitize Operation Completed Without Error');
    assert.deepEqual(await erased('ata-sanitize-block', '', finished), [
      'hdparm --yes-i-know-what-i-am-doing --sanitize-block-erase /dev/sda',
      'hdparm --sanitize-status /dev/sda',
    ]);
    const [begun] = await erased('ata-sanitize-crypto', '', finished);
    assert.equal(begun, 'hdparm --yes-i-know-what-i-am-doing --sanitize-crypto-scramble /dev/sda');
    for (const said of ['SD1 Sanitize Frozen', 'SD0 Sanitize Idle', 'SD3 Sanitize Operation Failed']) {
      await assert.rejects(erased('ata-sanitize-block', '', state(`State:    ${said}`)), new RegExp(said));
    }
  });

  it('is asked for in the words of each tool', async () => {
    assert.deepEqual(await erased('nvme-format-crypto'), ['nvme format /dev/sda --ses=2 --force']);
    assert.deepEqual(await erased('nvme-format-user-data'), ['nvme format /dev/sda --ses=1 --force']);
    assert.deepEqual(await erased('ata-secure-erase-enhanced'), [
      'hdparm --user-master u --security-set-pass ingot /dev/sda',
      'hdparm --user-master u --security-erase-enhanced ingot /dev/sda',
    ]);
    assert.deepEqual(await erased('scsi-sanitize-crypto'), ['sg_sanitize --crypto --quick --wait /dev/sda']);
  });
});
