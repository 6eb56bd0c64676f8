import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelArguments } from '#machines/os/talos/kernel-arguments.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { configUrl, isTalosLine, readTalosLine } from '#machines/rack/talos/decide/kernel-line.ts';
import { sure } from '#machines/values/parsed.ts';

const ASKING = { uuid: 'u-1', serial: 'S 1', mac: '52:54:00:00:00:01', hostname: 'm1', code: '' };

describe('a kernel line of Talos', () => {
  it('is known by its platform, not by a word that looks like it', () => {
    assert.equal(isTalosLine('quiet talos.platform=metal'), true);
    assert.equal(isTalosLine('quiet x.talos.platform=metal'), false);
    assert.equal(isTalosLine('talos.platform=metallic'), false);
  });

  it('that we make lacks nothing', () => {
    for (const release of ['v1.8.0', 'v1.13.2', 'v1.14.0']) {
      const line = kernelArguments({ version: sure(parseTalosVersion(release)) }).join(' ');
      assert.deepEqual(readTalosLine(line).missing, [], release);
    }
  });

  for (const [what, line, want] of [
    ['without what is enforced', 'talos.platform=metal', { missing: ['slab_nomerge', 'pti'] }],
    ['whose configuration is none', 'slab_nomerge= pti=on talos.config=none', { missing: [] }],
    ['that erases the disk', 'talos.experimental.wipe=system', { wipe: 'disk' }],
    ['that erases parts', 'talos.experimental.wipe=system:STATE,EPHEMERAL', { wipe: ['STATE', 'EPHEMERAL'] }],
    ['that halts', 'talos.halt_if_installed=1', { haltsIfInstalled: true }],
    [
      'of which an installer keeps some words',
      'quiet talos.config=http://x/ console=tty0 console=ttyS0 net.ifnames=0',
      { config: 'http://x/', inherited: ['talos.config=http://x/', 'console=ttyS0', 'net.ifnames=0'] },
    ],
  ] as const) {
    it(what, () => assert.partialDeepStrictEqual(readTalosLine(line), want));
  }
  it('says no configuration where it says none', () => {
    assert.equal(readTalosLine('talos.config=none').config, undefined);
  });
});

describe('the URL of a configuration', () => {
  for (const [what, url, want] of [
    [
      'has variables in its query, in any case',
      'http://x/c?u=${UUID}&a=${mac}',
      'http://x/c?a=52%3A54%3A00%3A00%3A00%3A01&u=u-1',
    ],
    ['has none in its path', 'http://x/${uuid}?u=1', 'http://x/$%7Buuid%7D?u=1'],
    ['fills the old form', 'http://x/?uuid=', 'http://x/?uuid=u-1'],
    ['leaves what it does not know', 'http://x/?t=${token}', 'http://x/?t=%24%7Btoken%7D'],
    ['is left as it is without a query', 'http://x/c', 'http://x/c'],
  ] as const) {
    it(what, () => assert.equal(configUrl(url, ASKING), want));
  }
});
