import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assetPath,
  type BootPath,
  claimsOf,
  failedPath,
  resolveBootPath,
  scriptPath,
} from '#machines/decide/boot-path.ts';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import { fuzzBootPaths } from './boot-path.fuzz.ts';

const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAA_';
const script: Partial<BootPath> = { kind: 'script', attempt: ATTEMPT };

const TABLE: readonly { readonly name: string; readonly given: string; readonly want: Partial<BootPath> | RegExp }[] = [
  { name: 'the script of an attempt', given: `/${scriptPath(ATTEMPT)}`, want: script },
  { name: 'the same without a slash, as TFTP has it', given: scriptPath(ATTEMPT), want: script },
  { name: 'with a query', given: `/${scriptPath(ATTEMPT)}?mac=..%2f`, want: script },
  { name: 'slashes too many are no other path', given: `//a///${ATTEMPT}//boot.ipxe`, want: script },
  { name: 'absolute form', given: `http://192.0.2.1:8080/a/${ATTEMPT}/boot.ipxe`, want: script },
  { name: 'percent-encoded', given: `/%61/${ATTEMPT}/boot%2eipxe`, want: script },
  {
    name: 'the kernel',
    given: `/${assetPath(ATTEMPT, 'kernel', 0)}`,
    want: { kind: 'asset', attempt: ATTEMPT, role: 'kernel', index: 0 },
  },
  {
    name: 'an initrd',
    given: `/${assetPath(ATTEMPT, 'initrd', 7)}`,
    want: { kind: 'asset', attempt: ATTEMPT, role: 'initrd', index: 7 },
  },
  {
    name: 'a unified image',
    given: `/${assetPath(ATTEMPT, 'efi', 0)}`,
    want: { kind: 'asset', attempt: ATTEMPT, role: 'efi', index: 0 },
  },
  { name: 'a failure told', given: `/${failedPath(ATTEMPT)}?what=x`, want: { kind: 'failed', attempt: ATTEMPT } },
  { name: 'chained by hand', given: '/boot.ipxe?mac=52:54:00:00:00:01', want: { kind: 'by-hand' } },
  ...LOADER_NAMES.map((name) => ({
    name: `loader ${name}`,
    given: `/${name}`,
    want: { kind: 'loader', name } as const,
  })),
  { name: 'what every GRUB reads first', given: 'grub/grub.cfg', want: { kind: 'grub-start' } },
  { name: 'a machine’s own for GRUB', given: '/grub/machine.cfg?mac=52:54:00:00:00:01', want: { kind: 'grub' } },
  {
    name: 'the GRUB that a shim asks for at the root',
    given: '/grubx64.efi',
    want: { kind: 'loader', name: 'grub/x86_64/grubx64.efi' },
  },
  { name: 'what a shim asks for besides', given: 'grub/x86_64/revocations_sbat.efi', want: /no such file/ },
  { name: 'a way upwards', given: '/ipxe/../../etc/passwd', want: /no such file/ },
  { name: 'a way upwards, encoded', given: '/ipxe/%2e%2e/%2e%2e/etc/passwd', want: /no such file/ },
  { name: 'encoded twice', given: '/ipxe/%252e%252e/x', want: /not plain text/ },
  { name: 'a slash, encoded, separates: the names are ours anyway', given: `/a%2f${ATTEMPT}/boot.ipxe`, want: script },
  { name: 'a backslash', given: '\\ipxe\\undionly.kpxe', want: /not plain text/ },
  { name: 'NUL', given: '/ipxe/undionly.kpxe%00.txt', want: /not plain text/ },
  { name: 'a malformed escape', given: '/%zz', want: /not plain text/ },
  { name: 'the root', given: '/', want: /no such file/ },
  { name: 'nothing at all', given: '', want: /no such file/ },
  { name: 'an asterisk', given: '*', want: /not plain text/ },
  { name: 'an initrd that no image can have', given: `/a/${ATTEMPT}/initrd-32`, want: /no such file/ },
  { name: 'an initrd with a zero before it', given: `/a/${ATTEMPT}/initrd-01`, want: /no such file/ },
  { name: 'an attempt that is too short', given: '/a/AAAA/kernel', want: /no such attempt/ },
  { name: 'a file below a file', given: `/a/${ATTEMPT}/kernel/x`, want: /no such file/ },
  { name: 'another case', given: '/IPXE/UNDIONLY.KPXE', want: /no such file/ },
  { name: 'iPXE asks for autoexec.ipxe by itself', given: '/ipxe/x86_64/autoexec.ipxe', want: /no such file/ },
  { name: 'longer than any of ours', given: `/${'a'.repeat(10_000)}`, want: /too long/ },
];

describe('boot paths', () => {
  for (const { name, given, want } of TABLE) {
    it(name, () => {
      const path = resolveBootPath(given);
      if (want instanceof RegExp) assert.match(path.kind === 'none' ? path.because : path.kind, want);
      else assert.deepEqual(path, want);
    });
  }

  it('mutated paths name nothing but what is ours', () => {
    const { named } = fuzzBootPaths({ count: 20_000, seed: 7 });
    assert.ok(named > 1000, `only ${named} named anything: the mutations are too wild to try what matters`);
  });
});

describe('claims in a query', () => {
  const claims = (query: string) => Object.fromEntries(claimsOf(`/boot.ipxe?${query}`));
  const table: readonly {
    readonly name: string;
    readonly given: string;
    readonly want: Readonly<Record<string, string>>;
  }[] = [
    { name: 'decodes', given: 'serial=A%20B%26C', want: { serial: 'A B&C' } },
    { name: 'a plus sign is a plus sign', given: 'product=A+B', want: { product: 'A+B' } },
    { name: 'the first counts', given: 'mac=1&mac=2', want: { mac: '1' } },
    { name: 'unknown names are dropped', given: 'x=1&__proto__=2&serial=3', want: { serial: '3' } },
    { name: 'empty ones are dropped', given: 'serial=&uuid=%20&asset=1', want: { asset: '1' } },
    { name: 'bytes that are no UTF-8', given: 'serial=%E9%FF', want: { serial: '\ufffd\ufffd' } },
    { name: 'escapes that are none', given: 'serial=%zz%4', want: { serial: '%zz%4' } },
    { name: 'a name without a value', given: 'serial', want: {} },
    {
      name: 'an unsigned char printed as an int, as iPXE of 2019 does',
      given: 'serial=a%FFFFFFF4',
      want: { serial: 'a\ufffdFFFFF4' },
    },
  ];
  for (const { name, given, want } of table) it(name, () => assert.deepEqual(claims(given), want));

  it('a value is cut to 255 characters', () => {
    assert.equal(claims(`serial=${'x'.repeat(5000)}`)['serial']?.length, 255);
  });
});
