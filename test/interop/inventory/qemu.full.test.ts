import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeSmbios } from '#machines/agent/inventory/wire/smbios.ts';
import { inventory } from '#machines/contract/inventory.ts';
import { need } from '#test/lab/need.ts';
import { startAgentGuest } from '../../e2e/agent-guest.ts';
import { agentImage } from '../../e2e/agent-image.ts';
import { FORMATS, putGpt } from '../../machines/agent/inventory/disk-images.ts';
import { compareWithDmidecode, dmidecodeOf } from './dmidecode.ts';

const PROBE = join(import.meta.dirname, 'inventory-probe.ts');
const MIB = 2 ** 20;

test('a machine in QEMU is read as QEMU was told', async (t) => {
  const tools = need(t, ['qemu-system-x86_64', 'dmidecode']);
  if (!tools) return;
  const folder = mkdtempSync(join(tmpdir(), 'ingot-inventory-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const drive = (id: string, mib: number, content: Uint8Array): readonly string[] => {
    const path = join(folder, id);
    writeFileSync(path, content);
    truncateSync(path, mib * MIB);
    return ['-drive', `if=none,id=${id},format=raw,file=${path}`];
  };
  const luks = FORMATS[0]?.disk() ?? new Uint8Array(0);
  const image = await agentImage({ variant: 'metal', entry: PROBE });
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    ...image,
    commandLine: `${image.manifest.commandLine} quiet`,
    extraArgs: [
      ...['-machine', 'q35', '-m', '1024', '-smp', '4,sockets=2,cores=2,threads=1'],
      ...['-nic', 'user,restrict=on,model=e1000e,mac=52:54:00:00:00:01'],
      ...['-nic', 'user,restrict=on,model=virtio-net-pci,mac=52:54:00:00:00:02'],
      ...[...drive('n', 64, luks), '-device', 'nvme,drive=n,serial=NV-1'],
      ...[...drive('s', 32, putGpt(new Uint8Array(32 * MIB), [{ first: 2048, last: 4095, name: 'STATE' }]))],
      ...[
        '-device',
        'ide-hd,bus=ide.0,drive=s,serial=SATA-1,model=A-SATA-disk-with-a-long-name,wwn=0x5000c500a1b2c3d4,rotation_rate=7200',
      ],
      ...[...drive('v', 16, new Uint8Array(0)), '-device', 'virtio-blk-pci,drive=v,serial=VIRTIO-1'],
      ...['-device', 'virtio-scsi-pci', ...drive('c', 8, new Uint8Array(0))],
      ...['-device', 'scsi-hd,drive=c,serial=SCSI-1,wwn=0x5000c50011223344,vendor=ACME,product=DISK'],
      ...['-device', 'ide-cd,bus=ide.1', '-device', 'ipmi-bmc-sim,id=bmc', '-device', 'isa-ipmi-kcs,bmc=bmc'],
      ...['-smbios', 'type=0,vendor=Acme,version=A12.3,date=03/04/2024'],
      ...[
        '-smbios',
        'type=1,manufacturer=Acme Systems,product=Box 1000,version=2,serial=SN-4711,sku=BOX-1K,uuid=00112233-4455-6677-8899-aabbccddeeff',
      ],
      ...['-smbios', 'type=2,manufacturer=Acme,product=MB-1,serial=MBSN-1', '-smbios', 'type=3,asset=IT-0042'],
      ...['-smbios', 'type=17,loc_pfx=DIMM,manufacturer=Samsung,serial=11223344,part=M321R8GA0BB0,speed=4800'],
    ],
  });
  await guest.waitFor(/PROBE-END/, 300_000);
  const text = [...guest.serial().matchAll(/^PROBE (.*?)\r?$/gm)].map(([, part = '']) => part).join('');
  const seen = JSON.parse(text.slice(0, text.lastIndexOf('}') + 1)) as Record<string, unknown> & {
    readonly entry: string;
    readonly table: string;
    readonly writes: Readonly<Record<string, number>>;
  };
  t.diagnostic(`identity ${String(seen['identityMs'])} ms, inventory ${String(seen['inventoryMs'])} ms`);
  const told = inventory.parse(seen['inventory']);
  t.diagnostic(`gaps: ${told.gaps.join('; ')}`);

  assert.deepEqual(seen['identity'], {
    uuid: '00112233-4455-6677-8899-aabbccddeeff',
    serial: 'SN-4711',
    macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'],
  });
  assert.deepEqual(told.system, {
    manufacturer: 'Acme Systems',
    product: 'Box 1000',
    version: '2',
    serial: 'SN-4711',
    sku: 'BOX-1K',
    assetTag: 'IT-0042',
    uuid: '00112233-4455-6677-8899-aabbccddeeff',
  });
  assert.deepEqual(told.board, { manufacturer: 'Acme', product: 'MB-1', serial: 'MBSN-1' });
  assert.deepEqual(told.bios, { vendor: 'Acme', version: 'A12.3', date: '03/04/2024' });
  assert.deepEqual([told.firmware, told.secureBoot, told.tpm], ['bios', undefined, { present: false }]);
  assert.deepEqual(
    told.processors.map(({ cores, threads }) => [cores, threads]),
    [
      [2, 2],
      [2, 2],
    ],
  );
  assert.equal(told.memory?.totalBytes, 1024 * MIB);
  assert.deepEqual(told.memory?.modules, [
    {
      slot: 'DIMM 0',
      bytes: 1024 * MIB,
      type: 'RAM',
      mhz: 4800,
      manufacturer: 'Samsung',
      serial: '11223344',
      part: 'M321R8GA0BB0',
    },
  ]);
  assert.deepEqual(
    told.disks
      .map(({ name, model, serial, wwn, bytes, transport, rotational, removable, signatures }) => ({
        ...{ serial, model, wwn, bytes, transport, rotational, removable, signatures },
        isNamed: name !== undefined,
      }))
      .toSorted((a, b) => (a.serial ?? '').localeCompare(b.serial ?? '')),
    [
      {
        serial: 'NV-1',
        model: 'QEMU NVMe Ctrl',
        wwn: told.disks.find(({ serial }) => serial === 'NV-1')?.wwn,
        bytes: 64 * MIB,
        transport: 'nvme',
        rotational: false,
        removable: false,
        signatures: ['crypto_LUKS'],
        isNamed: true,
      },
      {
        serial: 'SATA-1',
        model: 'A-SATA-disk-with-a-long-name',
        wwn: 'naa.5000c500a1b2c3d4',
        bytes: 32 * MIB,
        transport: 'sata',
        rotational: true,
        removable: false,
        signatures: ['gpt', 'gpt:STATE'],
        isNamed: true,
      },
      {
        serial: 'SCSI-1',
        model: 'ACME DISK',
        wwn: 'naa.5000c50011223344',
        bytes: 8 * MIB,
        transport: 'virtio',
        rotational: true,
        removable: false,
        signatures: [],
        isNamed: true,
      },
      {
        serial: 'VIRTIO-1',
        model: undefined,
        wwn: undefined,
        bytes: 16 * MIB,
        transport: 'virtio',
        rotational: true,
        removable: false,
        signatures: [],
        isNamed: true,
      },
    ],
  );
  assert.deepEqual(
    told.nics.map(({ mac, driver, booted }) => [mac, driver, booted]),
    [
      ['52:54:00:00:00:01', 'e1000e', true],
      ['52:54:00:00:00:02', 'virtio_net', undefined],
    ],
  );
  assert.equal(told.disks.find(({ serial }) => serial === 'SATA-1')?.health, 'ok');
  assert.equal(told.disks.find(({ serial }) => serial === 'NV-1')?.health, 'ok');
  assert.equal(told.gaps.filter((gap) => gap.endsWith('LLDP: nothing came within 3 s')).length, 2, told.gaps.join());
  assert.ok(told.bmc, 'the BMC behind KCS is not seen');
  assert.deepEqual(told.gpus, []);
  for (const { name = '' } of told.disks) assert.equal(seen.writes[name], 0, `${name} was written to`);

  const table = Buffer.from(seen.table, 'base64');
  const result = decodeSmbios(Buffer.from(seen.entry, 'base64'), table);
  assert.ok(result.ok);
  compareWithDmidecode(result.smbios, dmidecodeOf(tools.dmidecode, table));
});
