import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { z } from 'zod';
import { profileDocument } from '#machines/contract/documents.ts';
import { type Job, job as jobSchema } from '#machines/contract/job.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { Metadata, Reader } from '#services/metadata/contract.ts';
import { openMetadata } from '#services/metadata/open-metadata.ts';
import { configSamples } from '#services/templates/config-samples.ts';
import { openTemplates } from '#services/templates/templates.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { need } from '#test/lab/need.ts';

const TEMPLATES = fileURLToPath(new URL('../../../templates', import.meta.url));
const machine = sampleMachine({ macs: ['52:54:00:00:00:01'] });
const profile = profileDocument.parse({
  kind: 'Profile',
  name: 'debian',
  os: 'installer',
  config: { preseed: ['d-i debian-installer/add-kernel-opts string {{data.console}}'] },
  data: { console: 'console=ttyS0', packages: ['curl'], sshKeys: ['ssh-ed25519 AAAA operator'] },
});

const disk = (name: string, more: object) => ({
  name,
  bytes: 1024 * 512,
  signatures: [],
  because: '',
  vetoes: [],
  act: 'leave-alone',
  serial: `S-${name}`,
  ...more,
});

const installs = (disks: readonly object[], digest = 'd1'): Job =>
  jobSchema.parse({
    id: 'j1',
    kind: 'install',
    machine: 'm1',
    state: 'running',
    by: 'operator',
    createdAt: 0,
    steps: [],
    rev: 1,
    confirmed: { by: 'operator', at: 0, digest, said: [] },
    plan: {
      id: 'p1',
      digest: 'd1',
      kind: 'install',
      machine: 'm1',
      createdAt: 0,
      profile: 'debian',
      disks,
      identifiers: [],
      steps: [],
      acknowledge: [],
      refusals: [],
    },
  });

const PLANNED = installs([disk('sda', {}), disk('sdb', { act: 'write' })]);

type Tree = Readonly<Record<string, unknown>>;
const ignitionFile = z.object({
  storage: z.object({ files: z.array(z.object({ path: z.string(), contents: z.object({ source: z.string() }) })) }),
});
const readerOf = (job: Job | undefined, of = profile): Reader => ({
  machine,
  profile: of,
  job,
  attempt: 'a1',
  address: sure(parseIpv4('192.0.2.12')),
  reportUrl: 'http://192.0.2.1/report/a1',
});

describe('an installer’s answers', () => {
  let metadata: Metadata;
  let dir: string;
  before(async () => {
    const opened = await openTemplates({ dir: TEMPLATES, samples: configSamples() });
    assert.ok(opened.ok, JSON.stringify(opened));
    metadata = openMetadata({ registry: { classes: () => [], network: () => undefined }, templates: opened.templates });
    dir = mkdtempSync(join(tmpdir(), 'ingot-installer-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  type Kind = 'preseed' | 'kickstart' | 'autoinstall' | 'ignition' | 'apkovl';
  const read = (kind: Kind, job: Job | undefined) => {
    return metadata.read({ kind }, readerOf(job));
  };

  async function answers(kind: Kind, job: Job | undefined): Promise<string> {
    const result = await read(kind, job);
    assert.ok(result.kind === 'served', JSON.stringify(result));
    return typeof result.body === 'string' ? result.body : gunzipSync(result.body).toString('latin1');
  }

  for (const [what, job, because] of [
    ['no job', undefined, /no confirmed plan/],
    ['a plan that nobody confirmed', installs([disk('sdb', { act: 'write' })], 'other'), /no confirmed plan/],
    ['a plan that writes nothing', installs([disk('sda', {})]), /exactly one disk/],
    [
      'a plan that writes two disks',
      installs([disk('sda', { act: 'write' }), disk('sdb', { act: 'write' })]),
      /exactly one disk/,
    ],
    ['a disk without a name', installs([disk('sda', { act: 'write', serial: undefined })]), /no serial or WWN/],
    ['a serial that is code', installs([disk('sda', { act: 'write', serial: '$(reboot)' })]), /no serial or WWN/],
  ] as const) {
    it(`are not given under ${what}`, async () => {
      for (const kind of ['preseed', 'kickstart', 'autoinstall', 'ignition', 'apkovl'] as const) {
        const result = await read(kind, job);
        assert.ok(result.kind === 'none' && because.test(result.because), JSON.stringify(result));
      }
    });
  }

  it('name what the operator wants and where to report', async () => {
    const preseed = await answers('preseed', PLANNED);
    assert.match(preseed, /^d-i debian-installer\/add-kernel-opts string console=ttyS0$/m);
    assert.match(preseed, /^d-i pkgsel\/include string curl$/m);
    assert.match(preseed, /http:\/\/192\.0\.2\.1\/report\/a1/);
    const kickstart = await answers('kickstart', PLANNED);
    assert.match(kickstart, /^network --device=52:54:00:00:00:01 --bootproto=dhcp/m);
    assert.match(kickstart, /^sshkey --username=ingot "ssh-ed25519 AAAA operator"$/m);
  });

  type Shown = { readonly serial?: string; readonly wwid?: string; readonly page80?: string; readonly hidden?: true };

  /** Runs a script that looks for disks over a folder that looks like sysfs, and gives what it wrote and called. */
  function choice(script: string, disks: Readonly<Record<string, Shown>>, answersFile = ''): string {
    const world = mkdtempSync(join(dir, 'world-'));
    const [bin, chosen] = [join(world, 'bin'), join(world, 'chosen')];
    mkdirSync(bin);
    for (const [name, { serial, wwid, page80, hidden }] of Object.entries(disks)) {
      const at = join(world, 'block', name);
      mkdirSync(join(at, 'device'), { recursive: true });
      writeFileSync(join(at, 'size'), '1024\n');
      // virtio’s has no end of line.
      if (serial !== undefined) writeFileSync(join(at, 'serial'), serial);
      if (wwid !== undefined) writeFileSync(join(at, 'device', 'wwid'), `${wwid}\n`);
      if (page80 !== undefined) {
        writeFileSync(
          join(at, 'device', 'vpd_pg80'),
          `\0\x80\0${String.fromCharCode(page80.length)}${page80}`,
          'latin1',
        );
      }
      if (hidden) writeFileSync(join(at, 'hidden'), '1\n');
    }
    mkdirSync(join(world, 'net', 'eth7'), { recursive: true });
    writeFileSync(join(world, 'net', 'eth7', 'address'), '52:54:00:00:00:01\n');
    writeFileSync(join(world, 'autoinstall.yaml'), answersFile);
    const noted = (name: string): string => `echo "${name} $*" >> ${chosen}`;
    const programs = {
      'debconf-set': noted('debconf-set'),
      'coreos-installer': noted('coreos-installer'),
      curl: noted('curl'),
      wget: noted('wget'),
      systemctl: noted('systemctl'),
      passwd: noted('passwd'),
      reboot: noted('reboot'),
      'setup-alpine': `echo "$ERASE_DISKS" >> ${chosen}; cat ${world}/answers >> ${chosen}`,
      logger: `echo "$@" >> ${world}/log`,
      sleep: 'exit 7',
    };
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const local = script
      .replaceAll('/sys/block', join(world, 'block'))
      .replaceAll('/sys/class/net', join(world, 'net'))
      .replaceAll('/dev/console', join(world, 'console'))
      .replaceAll('/autoinstall.yaml', join(world, 'autoinstall.yaml'))
      .replaceAll('/tmp/ingot-answers', join(world, 'answers'))
      .replaceAll('/tmp/ingot-interfaces', join(world, 'interfaces'))
      .replaceAll('/tmp/ingot-disk', chosen);
    const ran = spawnSync('sh', ['-c', local], {
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    });
    assert.equal(ran.stderr, '');
    if (answersFile !== '') return readFileSync(join(world, 'autoinstall.yaml'), 'utf8');
    return existsSync(chosen) ? readFileSync(chosen, 'utf8') : '';
  }

  /** The shell of a preseed answer, its continued lines joined as debconf joins them. */
  const earlyCommand = (preseed: string): string =>
    /^d-i partman\/early_command string (.*)$/m.exec(preseed.replace(/\\\n\s*/g, ''))?.[1] ?? '';
  const preScript = (kickstart: string): string => /^%pre[^\n]*\n([\s\S]*?)^%end$/m.exec(kickstart)?.[1] ?? '';
  const autoinstallOf = (text: string): Tree => (parse(text) as { autoinstall: Tree }).autoinstall;
  const scriptIn = (ignition: string): string => {
    const { storage } = ignitionFile.parse(JSON.parse(ignition));
    const file = storage.files.find(({ path }) => path === '/etc/ingot/install');
    return decodeURIComponent(file?.contents.source.slice('data:,'.length) ?? '');
  };
  const overlayScript = (tar: string): string => /#!\/bin\/sh\n[^\0]*/.exec(tar)?.[0] ?? '';

  const FOREIGN = { serial: 'S-sda', wwid: 'naa.1' };
  for (const [what, disks, want] of [
    [
      'the planned disk, whatever the kernel calls it today',
      { sda: { serial: 'S-sdb', wwid: 'naa.2' }, nvme0n1: FOREIGN },
      'sda',
    ],
    ['a SCSI disk by its page 80', { sda: { page80: '  S-sdb ', wwid: 'naa.2' }, sdb: FOREIGN }, 'sda'],
    [
      'one of two paths to a disk, if the other is hidden',
      { nvme0n1: { serial: 'S-sdb', wwid: 'naa.2' }, nvme0c0n1: { serial: 'S-sdb', wwid: 'naa.2', hidden: true } },
      'nvme0n1',
    ],
    ['nothing where it is not there', { sda: FOREIGN, sdc: { serial: 'S-sdbb', wwid: 'naa.2' } }, ''],
    ['nothing where its WWN is another', { sda: { serial: 'S-sdb', wwid: 'naa.22' } }, ''],
    [
      'nothing where two could be meant',
      { sda: { serial: 'S-sdb', wwid: 'naa.2' }, sdb: { serial: 'S-sdb', wwid: 'naa.2' } },
      '',
    ],
  ] as const) {
    it(`choose ${what}`, async () => {
      const job = installs([disk('sdb', { act: 'write', wwn: 'naa.2' })]);
      const chosen = choice(earlyCommand(await answers('preseed', job)), disks);
      const set = 'debconf-set';
      const expected = `${set} partman-auto/disk /dev/${want}\n${set} grub-installer/bootdev /dev/${want}\n`;
      assert.equal(chosen, want === '' ? '' : expected);
      const included = choice(preScript(await answers('kickstart', job)), disks);
      assert.equal(/--only-use=(.*)/.exec(included)?.[1] ?? '', want);
      assert.equal(/clearpart .*--drives=(.*)/.exec(included)?.[1] ?? '', want);

      const written = await answers('autoinstall', job);
      const [[, , find = ''] = []] = autoinstallOf(written)['early-commands'] as string[][];
      const after = autoinstallOf(choice(find, disks, written));
      const path = want === '' ? '/dev/ingot-planned-disk' : `/dev/${want}`;
      assert.deepEqual(after['storage'], { layout: { name: 'direct', match: { path } } });

      const coreos = choice(scriptIn(await answers('ignition', job)), disks);
      const installed = `coreos-installer install /dev/${want} --ignition-file /etc/ingot/target.ign\n`;
      assert.equal(coreos.slice(0, installed.length), want === '' ? '' : installed);
      assert.equal(coreos.endsWith('systemctl --no-block reboot\n'), want !== '');

      const alpine = choice(overlayScript(await answers('apkovl', job)), disks);
      assert.equal(/DISKOPTS="-m sys (.*)"/.exec(alpine)?.[1] ?? '', want === '' ? '' : `/dev/${want}`);
      assert.equal(alpine.includes('iface eth7 inet dhcp'), want !== '');
      assert.equal(alpine.endsWith('reboot \n'), want !== '');
    });
  }

  it('of Ubuntu are an operator’s own, but for the disk', async () => {
    const of = async (autoinstall: object) => {
      const own = { ...profile, config: { autoinstall } } as typeof profile;
      return await metadata.read({ kind: 'autoinstall' }, readerOf(PLANNED, own));
    };
    const result = await of({ packages: ['htop'], storage: { layout: { name: 'lvm' } }, 'late-commands': ['true'] });
    assert.ok(result.kind === 'served' && typeof result.body === 'string', JSON.stringify(result));
    assert.match(result.body, /^#cloud-config\n/);
    const made = autoinstallOf(result.body);
    assert.deepEqual([made['packages'], made['timezone']], [['htop'], 'UTC']);
    assert.deepEqual(made['identity'], { hostname: 'm1', username: 'ingot', password: '!' });
    assert.deepEqual((made['ssh'] as Tree)['authorized-keys'], ['ssh-ed25519 AAAA operator']);
    assert.deepEqual((made['storage'] as { layout: Tree }).layout['name'], 'lvm');
    assert.deepEqual(made['late-commands'], [
      'true',
      'curl -s -o /dev/null -d installed http://192.0.2.1/report/a1 || true',
    ]);
    for (const bad of [
      { storage: { config: [{ type: 'disk', path: '/dev/sda' }] } },
      { storage: { layout: { name: 'lvm', match: { size: 'largest' } } } },
      { 'interactive-sections': ['storage'] },
    ]) {
      const refused = await of(bad);
      assert.ok(refused.kind === 'none' && /^config\.autoinstall\.(storage|interactive)/.test(refused.because));
    }
  });

  it('of Ubuntu are given to no profile that is no installer', async () => {
    const own = { ...profile, os: 'kernel', config: { autoinstall: {} } } as typeof profile;
    const result = await metadata.read({ kind: 'nocloud', file: 'user-data' }, readerOf(PLANNED, own));
    assert.ok(result.kind === 'none' && /wants a profile of os: installer/.test(result.because));
  });

  it('of Fedora CoreOS hold the config of the installed system as a file', async () => {
    const tree = ignitionFile.parse(JSON.parse(await answers('ignition', PLANNED)));
    const target = tree.storage.files.find(({ path }) => path === '/etc/ingot/target.ign');
    const inside = ignitionFile.parse(JSON.parse(decodeURIComponent(target?.contents.source.slice(6) ?? '')));
    assert.ok(inside.storage.files.some(({ path }) => path === '/etc/hostname'));
  });

  // What other people’s programs say of them.
  it('are understood by debconf, cloud-init, Ignition, a shell and tar', async (t) => {
    const tools = need(t, ['debconf-set-selections', 'cloud-init', 'ignition-validate']);
    if (!tools) return;
    // cloud-init is only unpacked: its modules lie beside it.
    const PYTHONPATH = join(tools['cloud-init'], '..', '..', 'lib', 'python3', 'dist-packages');
    const run = (program: string, args: readonly string[], input?: string): string => {
      const env = { ...process.env, PYTHONPATH };
      const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', input, env });
      assert.equal(status, 0, `${program}: ${stdout}${stderr}`);
      return `${stdout}${stderr}`;
    };
    const put = (name: string, text: string | Uint8Array): string => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    run(tools['debconf-set-selections'], ['-c', put('preseed', await answers('preseed', PLANNED))]);
    const user = put('user-data', await answers('autoinstall', PLANNED));
    assert.match(run('/usr/bin/python3', [tools['cloud-init'], 'schema', '--config-file', user]), /Valid/);
    const ignition = await answers('ignition', PLANNED);
    run(tools['ignition-validate'], [put('live.ign', ignition)]);
    const inner = ignitionFile.parse(JSON.parse(ignition)).storage.files;
    const target = inner.find(({ path }) => path === '/etc/ingot/target.ign')?.contents.source ?? '';
    run(tools['ignition-validate'], [put('target.ign', decodeURIComponent(target.slice('data:,'.length)))]);
    for (const script of [
      scriptIn(await answers('ignition', PLANNED)),
      overlayScript(await answers('apkovl', PLANNED)),
    ]) {
      run('sh', ['-n'], script);
    }
    const overlay = await read('apkovl', PLANNED);
    assert.ok(overlay.kind === 'served');
    assert.deepEqual(run('tar', ['-tvzf', put('a.tar.gz', overlay.body)]).match(/^\S+(?= )|\S+( -> \S+)?$/gm), [
      ...['-rw-r--r--', 'etc/hostname', '-rw-r--r--', 'etc/network/interfaces'],
      ...['-rwxr-xr-x', 'etc/local.d/ingot.start', 'lrw-r--r--', 'etc/runlevels/default/local -> /etc/init.d/local'],
      ...['lrw-r--r--', 'etc/runlevels/boot/networking -> /etc/init.d/networking'],
    ]);
  });
});
