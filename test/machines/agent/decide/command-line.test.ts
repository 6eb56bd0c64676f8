import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { kernelArguments, readCommandLine } from '#machines/agent/decide/command-line.ts';

const PIN = Buffer.alloc(32, 1).toString('base64');
const GOOD = `ingot.url=https://192.0.2.1:8443 ingot.pin=${PIN} ingot.attempt=a1 BOOTIF=01-52-54-00-00-00-01`;

describe('the command line of the kernel', () => {
  it('tells where the daemon is, who it is, and what the machine booted from', () => {
    const read = readCommandLine(`initrd=agent console=ttyS0 ${GOOD}\n`);
    assert.ok(read.ok);
    const { url, pin, attempt, bootMac, network, vlan } = read.settings;
    assert.deepEqual(
      [url.host, pin, attempt, bootMac, network, vlan],
      ['192.0.2.1:8443', PIN, 'a1', '52:54:00:00:00:01', undefined, undefined],
    );
  });

  it('has an address and a VLAN where iPXE had', () => {
    const read = readCommandLine(`${GOOD} ip=192.0.2.7::192.0.2.1:255.255.255.0:r1::none:192.0.2.53 ingot.vlan=12`);
    assert.ok(read.ok);
    assert.deepEqual(read.settings.network, {
      address: '192.0.2.7',
      prefixLength: 24,
      gateway: '192.0.2.1',
      dns: ['192.0.2.53'],
    });
    assert.equal(read.settings.vlan, 12);
    const dhcp = readCommandLine(`${GOOD} ip=dhcp`);
    assert.ok(dhcp.ok && dhcp.settings.network === undefined);
  });

  it('takes the last of what stands twice, and what is in quotes as one', () => {
    const words = kernelArguments('a=1 b="two words" "c=3 4" a=2 quiet');
    assert.deepEqual(
      [...words],
      [
        ['a', '2'],
        ['b', 'two words'],
        ['c', '3 4'],
        ['quiet', ''],
      ],
    );
  });

  for (const [name, text, because] of [
    ['nothing', 'quiet', /ingot\.url.*ingot\.pin.*ingot\.attempt.*BOOTIF/],
    ['a daemon without TLS', GOOD.replace('https:', 'http:'), /^ingot\.url is "http:/],
    ['a daemon with a path', GOOD.replace(':8443', ':8443/x'), /^ingot\.url/],
    ['a pin that is too short', GOOD.replace(PIN, 'AAAA'), /^ingot\.pin is "AAAA", want 32 bytes/],
    ['an attempt that is no id', GOOD.replace('=a1', '=../a'), /^ingot\.attempt/],
    ['another interface type', GOOD.replace('BOOTIF=01-', 'BOOTIF=20-'), /^BOOTIF/],
    ['a VLAN beyond 4094', `${GOOD} ingot.vlan=4095`, /^ingot\.vlan/],
    ['a mask with holes', `${GOOD} ip=192.0.2.7:::255.0.255.0`, /^ip= mask/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      const read = readCommandLine(text);
      assert.ok(!read.ok);
      assert.match(read.because.join('; '), because);
    });
  }

  it('never makes the reader fail', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        readCommandLine(text);
        readCommandLine(`${GOOD} ip=${text} BOOTIF=${text}`);
      }),
      { numRuns: 2000 },
    );
  });
});
