import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { explanation } from '#machines/contract/api/explain.ts';
import type { Firmware, SecureBoot } from '#test/lab/guest.ts';
import { makeDisk } from '#test/lab/disk.ts';
import { need } from '#test/lab/need.ts';
import { assertBooted, assertHealthyBoot, situation, WITHOUT_DHCPV6 } from './boot-steps.ts';
import {
  ARM64_BOOT_NEEDS,
  BOOT_LIMIT_MS,
  BOOT_NEEDS,
  LINE_LIMIT_MS,
  MAC,
  machineDocument,
  OWN_DISK,
  OWN_DISK_TEXT,
  openBootWorld,
} from './boot-world.ts';

test('firmware with Secure Boot and Microsoft’s keys refuses an unsigned loader, and the verdict says so', async (t) => {
  const tools = need(t, [...BOOT_NEEDS, 'OVMF_CODE_4M.secboot.fd', 'OVMF_VARS_4M.ms.fd']);
  if (!tools) return;
  await using world = await openBootWorld(tools, { mode: 'server' });
  await world.daemon.apply([machineDocument({ profile: 'live' })]);
  const secureBoot = { code: tools['OVMF_CODE_4M.secboot.fd'], variables: tools['OVMF_VARS_4M.ms.fd'] };
  const guest = world.powerOn({ firmware: 'uefi-pxe', secureBoot, extraArgs: WITHOUT_DHCPV6 });
  await guest.waitForSerial(/failed to load Boot\d+ "UEFI PXEv4.*: Access Denied/, BOOT_LIMIT_MS);
  const attempt = await world.verdicts.until(MAC, 'secure-boot', BOOT_LIMIT_MS);
  await guest.stop();
  assert.match(attempt.verdict.cause, /snponly\.efi" whole/);
  assert.deepEqual([...world.verdicts.codes(MAC)].toSorted(), ['in-progress', 'secure-boot'], await situation(world));
});

test('firmware with Secure Boot and the operator’s keys boots a loader and a kernel that they signed', async (t) => {
  const needs = ['OVMF_CODE_4M.secboot.fd', 'OVMF_VARS_4M.snakeoil.fd', 'snakeoil.key', 'snakeoil.pem'] as const;
  const tools = need(t, [...BOOT_NEEDS, ...needs, 'sbsign']);
  if (!tools) return;
  const sign = signer(t, tools);
  const signed = { ...tools, 'snponly.efi': sign(tools['snponly.efi']), vmlinuz: sign(tools.vmlinuz) };
  await using world = await openBootWorld(signed, { mode: 'server' });
  await world.daemon.apply([machineDocument({ profile: 'live' })]);
  const secureBoot = { code: tools['OVMF_CODE_4M.secboot.fd'], variables: tools['OVMF_VARS_4M.snakeoil.fd'] };
  const guest = world.powerOn({ firmware: 'uefi-pxe', secureBoot });
  await guest.waitForSerial(/Secure boot enabled/, BOOT_LIMIT_MS);
  await guest.waitForSerial(/^INGOT-GUEST-ADDRESS ip=/m, LINE_LIMIT_MS);
  await guest.waitForPowerOff(LINE_LIMIT_MS);
  await assertHealthyBoot(world, 'uefi-pxe');
});

for (const firmware of ['uefi-pxe', 'uefi-http'] as const) {
  test(`firmware with Secure Boot and Microsoft’s keys boots Debian’s shim, GRUB and kernel (${firmware})`, async (t) => {
    const needs = [
      'OVMF_CODE_4M.secboot.fd',
      'OVMF_VARS_4M.ms.fd',
      'shimx64.efi.signed',
      'grubnetx64.efi.signed',
    ] as const;
    const tools = need(t, [...BOOT_NEEDS, ...needs]);
    if (!tools) return;
    await bootsSignedChain(tools, {
      firmware,
      secureBoot: { code: tools['OVMF_CODE_4M.secboot.fd'], variables: tools['OVMF_VARS_4M.ms.fd'] },
      loaders: {
        'grub/x86_64/shimx64.efi': tools['shimx64.efi.signed'],
        'grub/x86_64/grubx64.efi': tools['grubnetx64.efi.signed'],
      },
    });
  });
}

test('arm64 firmware with Secure Boot and Microsoft’s keys boots Debian’s shim, GRUB and kernel', async (t) => {
  const tools = need(t, [...ARM64_BOOT_NEEDS, 'AAVMF_VARS.ms.fd', 'shimaa64.efi.signed', 'grubnetaa64.efi.signed']);
  if (!tools) return;
  await bootsSignedChain(tools, {
    firmware: 'arm64-pxe',
    secureBoot: { code: tools['AAVMF_CODE.fd'], variables: tools['AAVMF_VARS.ms.fd'] },
    loaders: {
      'grub/arm64/shimaa64.efi': tools['shimaa64.efi.signed'],
      'grub/arm64/grubaa64.efi': tools['grubnetaa64.efi.signed'],
    },
  });
});

async function bootsSignedChain(
  tools: Parameters<typeof openBootWorld>[0],
  {
    firmware,
    secureBoot,
    loaders,
  }: {
    readonly firmware: Firmware;
    readonly secureBoot: SecureBoot;
    readonly loaders: Readonly<Record<string, string>>;
  },
): Promise<void> {
  await using world = await openBootWorld(tools, { mode: 'server', moreLoaders: loaders });
  const labels = { 'ingot/secure-boot': 'true' };
  await world.daemon.apply([machineDocument({ profile: 'live', labels, address: '192.168.77.12' })]);
  const guest = world.powerOn({ firmware, secureBoot });
  await guest.waitForSerial(/^INGOT-GUEST-UP mac=52:54:00:00:00:01 cmdline=.* profile\.is=live$/m, BOOT_LIMIT_MS);
  await guest.waitForSerial(/^INGOT-GUEST-ADDRESS ip=192\.168\.77\.12 /m, LINE_LIMIT_MS);
  await guest.waitForPowerOff(LINE_LIMIT_MS);
  assert.match(guest.serial(), /Secure boot enabled/);
  await assertBooted(world);
  const { script } = explanation.parse(await world.daemon.api('GET', '/api/v1/explain?of=r1-u1'));
  assert.match(script.text, /^if linux \(http,[\d.]+:8080\)\/a\//m, 'explain shows what GRUB is told');
}

test('a GRUB that has nothing to boot goes on to the machine’s own disk', async (t) => {
  const tools = need(t, [...BOOT_NEEDS, 'shimx64.efi.signed', 'grubnetx64.efi.signed']);
  if (!tools) return;
  await using world = await openBootWorld(tools, {
    mode: 'server',
    moreLoaders: {
      'grub/x86_64/shimx64.efi': tools['shimx64.efi.signed'],
      'grub/x86_64/grubx64.efi': tools['grubnetx64.efi.signed'],
    },
  });
  await world.daemon.apply([
    // GRUB runs no iPXE script. The disk is not signed, so its firmware has Secure Boot off, whatever the label says.
    { kind: 'Profile', name: 'shop', os: 'script', script: 'shell', when: 'always', writes: 'none' },
    machineDocument({ profile: 'shop', labels: { 'ingot/secure-boot': 'true' } }),
  ]);
  const disk = makeDisk(world.lab.folder, 'uefi', OWN_DISK_TEXT);
  const guest = world.powerOn({ firmware: 'uefi-pxe', disk, extraArgs: WITHOUT_DHCPV6 });
  await guest.waitForSerial(/^Ingot: r1-u1 boots from its own disk: /m, BOOT_LIMIT_MS);
  await guest.waitForSerial(OWN_DISK, BOOT_LIMIT_MS);
  await guest.stop();
});

/** Signs a copy of an EFI program with the key pair that Debian's OVMF trusts for tests. */
function signer(t: TestContext, tools: Readonly<Record<'sbsign' | 'snakeoil.key' | 'snakeoil.pem', string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-signed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const key = join(folder, 'key.pem');
  const options = { stdio: 'pipe' } as const;
  execFileSync('openssl', ['rsa', '-in', tools['snakeoil.key'], '-passin', 'pass:snakeoil', '-out', key], options);
  return (program: string): string => {
    const output = join(folder, basename(program));
    execFileSync(tools.sbsign, ['--key', key, '--cert', tools['snakeoil.pem'], '--output', output, program], options);
    return output;
  };
}
