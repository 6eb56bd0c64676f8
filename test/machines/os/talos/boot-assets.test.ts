import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assetPath, bootAssets, installerImage, talosArchitecture } from '#machines/os/talos/boot-assets.ts';
import { kernelArguments } from '#machines/os/talos/kernel-arguments.ts';
import { isAtLeast, parseTalosVersion, talosVersionText } from '#machines/os/talos/version.ts';
import { sure } from '#machines/values/parsed.ts';

const version = (text: string) => sure(parseTalosVersion(text));

describe('a release of Talos', () => {
  for (const text of ['v1.13.9', 'v1.14.0-rc.1']) {
    it(`reads ${text} and writes it back`, () => assert.equal(talosVersionText(version(text)), text));
  }
  it('needs no v', () => assert.equal(talosVersionText(version('1.13.0')), 'v1.13.0'));
  it('counts a pre-release as what it leads to', () => assert.ok(isAtLeast(version('v1.14.0-alpha.1'), 14)));
  for (const text of ['', '1.13', 'v1.7.9', 'v2.0.0', 'latest', 'v1.13.9 ', 'v1.13.9/../x']) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseTalosVersion(text).ok, false));
  }
});

describe('boot assets', () => {
  it('are named by architecture', () => {
    assert.deepEqual(bootAssets({ architecture: 'amd64', secureBoot: false }), {
      kernel: 'kernel-amd64',
      initramfs: 'initramfs-amd64.xz',
      uki: 'metal-amd64-uki.efi',
      iso: 'metal-amd64.iso',
      cmdline: 'cmdline-metal-amd64',
      disk: 'metal-amd64.raw.zst',
    });
    assert.equal(bootAssets({ architecture: 'arm64', secureBoot: true }).uki, 'metal-arm64-secureboot-uki.efi');
    assert.equal(talosArchitecture('x86_64'), 'amd64');
    assert.equal(talosArchitecture('riscv64'), undefined);
  });

  it('lie below schematic and version', () => {
    assert.equal(
      assetPath({ schematic: 'abc', version: version('1.13.9') }, 'kernel-amd64'),
      '/image/abc/v1.13.9/kernel-amd64',
    );
  });

  for (const [text, secureBoot, want] of [
    ['v1.13.9', false, 'factory.example/metal-installer/abc:v1.13.9'],
    ['v1.13.9', true, 'factory.example/metal-installer-secureboot/abc:v1.13.9'],
    ['v1.9.6', false, 'factory.example/installer/abc:v1.9.6'],
  ] as const) {
    it(`have the installer ${want}`, () => {
      assert.equal(installerImage('factory.example', { schematic: 'abc', version: version(text), secureBoot }), want);
    });
  }
});

describe('kernel arguments', () => {
  for (const [text, there, absent] of [
    ['v1.9.6', ['init_on_alloc=1', 'ima_appraise=fix'], ['selinux=1']],
    ['v1.11.0', ['selinux=1', 'nvme_core.io_timeout=4294967295'], ['ima_appraise=fix', 'module.sig_enforce=1']],
    ['v1.13.9', ['init_on_alloc=1', 'module.sig_enforce=1', 'proc_mem.force_override=never'], []],
    ['v1.14.0', ['proc_mem.force_override=never'], ['init_on_alloc=1', 'nvme_core.io_timeout=4294967295']],
  ] as const) {
    it(`of ${text} are its own`, () => {
      const words = kernelArguments({ version: version(text) });
      for (const word of [...there, 'talos.platform=metal', 'slab_nomerge', 'pti=on'])
        assert.ok(words.includes(word), word);
      for (const word of absent) assert.ok(!words.includes(word), word);
      assert.ok(!words.some((word) => word.startsWith('talos.config')));
    });
  }

  it('carry what the machine is to ask and to tell, and then what was added', () => {
    const words = kernelArguments({
      version: version('v1.13.9'),
      config: 'http://192.0.2.1/c?t=x',
      eventSink: '192.0.2.1:4002',
      kernelLog: 'udp://192.0.2.1:4001',
      consoles: ['tty0', 'ttyS1,115200'],
      extra: ['net.ifnames=0'],
    });
    assert.deepEqual(words.slice(-4), [
      'talos.config=http://192.0.2.1/c?t=x',
      'talos.events.sink=192.0.2.1:4002',
      'talos.logging.kernel=udp://192.0.2.1:4001',
      'net.ifnames=0',
    ]);
    assert.deepEqual(
      words.filter((word) => word.startsWith('console=')),
      ['console=tty0', 'console=ttyS1,115200'],
    );
  });
});
