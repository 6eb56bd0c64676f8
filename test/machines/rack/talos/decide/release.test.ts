import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { talosVersionText } from '#machines/os/talos/version.ts';
import { talosFaults } from '#machines/rack/talos/decide/faults.ts';
import { PLAIN_SCHEMATIC, releaseIn, releaseLabel, releaseOfImage } from '#machines/rack/talos/decide/release.ts';
import { mayBegin } from '#machines/rack/talos/decide/take-over.ts';

const OTHER = 'a'.repeat(64);

describe('the release of an installer', () => {
  for (const [reference, want, schematic] of [
    [`factory.example/metal-installer/${OTHER}:v1.13.9`, 'v1.13.9', OTHER],
    [`factory.example:5000/installer-secureboot/${OTHER}:v1.9.0-beta.1`, 'v1.9.0-beta.1', OTHER],
    ['ghcr.io/siderolabs/installer:v1.12.4', 'v1.12.4', PLAIN_SCHEMATIC],
    [`ghcr.io/siderolabs/installer:v1.12.4@sha256:${OTHER}`, 'v1.12.4', PLAIN_SCHEMATIC],
    ['ghcr.io/siderolabs/installer:latest', undefined, undefined],
    ['ghcr.io/siderolabs/kubelet:v1.34.1', undefined, undefined],
    [`factory.example/metal-installer/short:v1.13.9`, undefined, undefined],
    ['', undefined, undefined],
  ] as const) {
    it(`of ${reference || 'nothing'} is ${want ?? 'none'}`, () => {
      const release = releaseOfImage(reference);
      assert.equal(release && talosVersionText(release.version), want);
      assert.equal(release?.schematic, schematic);
    });
  }

  it('stands at the beginning of an initramfs of the rack, and in no other', () => {
    const release = releaseOfImage(`x/installer/${OTHER}:v1.14.0`) ?? assert.fail();
    assert.deepEqual(releaseIn(new TextEncoder().encode(releaseLabel(release))), release);
    assert.equal(releaseIn(new Uint8Array(4096)), undefined);
  });
});

it('a fault is about one release', () => {
  const faults = talosFaults(['unwell=v1.14.1', 'no-image=v1.14.2', 'what=v1.14.3', '']);
  assert.equal(faults.isUnwell?.('v1.14.1'), true);
  assert.equal(faults.isUnwell?.('v1.14.2'), false);
  assert.equal(faults.lacksImage?.('x/installer:v1.14.2'), true);
  assert.equal(faults.installerFails?.('x/installer:v1.14.2'), false);
});

describe('a sequence', () => {
  for (const [running, wanted, forced, want] of [
    [undefined, 'reset', false, true],
    ['initialize', 'reset', false, false],
    ['initialize', 'reboot', false, true],
    ['boot', 'upgrade', false, true],
    ['reboot', 'reset', false, false],
    ['upgrade', 'reboot', false, false],
    ['upgrade', 'shutdown', true, true],
  ] as const) {
    it(`${wanted} ${want ? 'may' : 'may not'} take over ${running ?? 'nothing'}${forced ? ' by force' : ''}`, () => {
      assert.equal(mayBegin(running, wanted, forced), want);
    });
  }
});
