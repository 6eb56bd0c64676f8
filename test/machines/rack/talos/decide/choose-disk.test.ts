import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseDisk, matchDisks, type SelectableDisk } from '#machines/rack/talos/decide/choose-disk.ts';

const SSD: SelectableDisk = {
  name: 'sda',
  bytes: 480e9,
  model: 'Micron 5300',
  serial: 'S-1',
  wwn: 'naa.5000c500a1',
  rotational: false,
  transport: 'sata',
};
const HDD: SelectableDisk = {
  ...SSD,
  name: 'sdb',
  bytes: 4e12,
  serial: 'S-2',
  wwn: 'naa.5000c500b2',
  rotational: true,
};
const NVME: SelectableDisk = { name: 'nvme0n1', bytes: 1e12, serial: 'N"1', rotational: false, transport: 'nvme' };
const DISKS = [HDD, SSD, NVME];

describe('the disk of machine.install', () => {
  for (const [what, selector, want] of [
    ['by its path', { disk: '/dev/sda' }, 'sda'],
    ['by a path that is none', { disk: 'sda' }, undefined],
    ['by its serial', { diskSelector: { serial: 'S-2' } }, 'sdb'],
    ['by a pattern, of which a dot is no part', { diskSelector: { wwid: 'naa.5000c500a*' } }, 'sda'],
    ['by a pattern that matches two: the first', { diskSelector: { serial: 'S-*' } }, 'sdb'],
    ['by its size', { diskSelector: { size: '<= 1TB' } }, 'sda'],
    ['by its type: whatever does not rotate is an SSD', { diskSelector: { type: 'ssd' } }, 'sda'],
    ['by its type', { diskSelector: { type: 'nvme' } }, 'nvme0n1'],
    ['by all of several', { diskSelector: { type: 'ssd', size: '> 500GB' } }, 'nvme0n1'],
    ['by nothing', { diskSelector: {} }, undefined],
    ['by what is not known', { diskSelector: { colour: 'red' } }, undefined],
  ] as const) {
    it(what, () => assert.equal(chooseDisk(DISKS, selector)?.name, want));
  }
});

describe('the disks that an expression matches', () => {
  for (const [what, expression, want] of [
    ['by a serial with a quote', 'disk.serial == "N\\"1"', ['nvme0n1']],
    ['by a path', "disk.dev_path == '/dev/sda'", ['sda']],
    ['by size and no rotation', 'disk.size > 500u * GB && !disk.rotational', ['nvme0n1']],
    ['by what it is not', 'disk.transport != "nvme"', ['sdb', 'sda']],
    ['by what nobody has', 'disk.wwid == "x"', []],
  ] as const) {
    it(what, () => {
      const matched = matchDisks(DISKS, expression);
      assert.deepEqual(matched.ok && matched.disks.map(({ name }) => name), want);
    });
  }
  it('are none where the rack does not know the language', () => {
    assert.equal(matchDisks(DISKS, 'disk.serial.startsWith("S")').ok, false);
    assert.equal(matchDisks(DISKS, '').ok, false);
  });
});
