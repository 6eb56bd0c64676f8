import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { profileDocument } from '#machines/contract/documents.ts';
import { type Job, job as jobSchema } from '#machines/contract/job.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { Metadata, Reader } from '#services/metadata/contract.ts';
import { openMetadata } from '#services/metadata/open-metadata.ts';
import { configSamples } from '#services/templates/config-samples.ts';
import { openTemplates } from '#services/templates/templates.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

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

  const read = (kind: 'preseed' | 'kickstart', job: Job | undefined) => {
    const address = sure(parseIpv4('192.0.2.12'));
    const reader: Reader = { machine, profile, job, attempt: 'a1', address, reportUrl: 'http://192.0.2.1/report/a1' };
    return metadata.read({ kind }, reader);
  };

  async function answers(kind: 'preseed' | 'kickstart', job: Job | undefined): Promise<string> {
    const result = await read(kind, job);
    assert.ok(result.kind === 'served', JSON.stringify(result));
    return result.body;
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
      const result = await read('preseed', job);
      assert.ok(result.kind === 'none' && because.test(result.because), JSON.stringify(result));
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

  /** Runs a script that looks for disks, over a folder of disks, and gives what it chose. */
  function choice(script: string, disks: Readonly<Record<string, string>>): string {
    const world = mkdtempSync(join(dir, 'world-'));
    const bin = join(world, 'bin');
    mkdirSync(bin);
    for (const [name, serial] of Object.entries(disks)) {
      mkdirSync(join(world, 'block', name), { recursive: true });
      writeFileSync(join(world, 'block', name, 'size'), '1024\n');
      writeFileSync(join(world, `${name}.properties`), `DEVTYPE=disk\nID_SERIAL=${serial}\nID_MODEL=X\n`);
    }
    const programs = {
      udevadm: `for word; do last=$word; done; cat "${world}/\${last##*/}.properties"`,
      'debconf-set': `echo "$1 $2" >> ${world}/chosen`,
      logger: `echo "$@" >> ${world}/log`,
      sleep: 'exit 7',
    };
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const local = script
      .replaceAll('/sys/block', join(world, 'block'))
      .replaceAll('/tmp/ingot-disk', `${world}/chosen`);
    const ran = spawnSync('sh', ['-c', local], {
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    });
    assert.equal(ran.stderr, '');
    try {
      return readFileSync(join(world, 'chosen'), 'utf8');
    } catch {
      return '';
    }
  }

  /** The shell of a preseed answer, its continued lines joined as debconf joins them. */
  const earlyCommand = (preseed: string): string =>
    /^d-i partman\/early_command string (.*)$/m.exec(preseed.replace(/\\\n\s*/g, ''))?.[1] ?? '';
  const preScript = (kickstart: string): string => /^%pre[^\n]*\n([\s\S]*?)^%end$/m.exec(kickstart)?.[1] ?? '';

  for (const [what, disks, want] of [
    ['the planned disk, whatever the kernel calls it today', { sda: 'S-sdb', nvme0n1: 'S-sda' }, 'sda'],
    ['nothing where it is not there', { sda: 'S-sda', sdc: 'S-sdbb' }, ''],
    ['nothing where two could be meant', { sda: 'S-sdb', sdb: 'S-sdb' }, ''],
  ] as const) {
    it(`choose ${what}`, async () => {
      const chosen = choice(earlyCommand(await answers('preseed', PLANNED)), disks);
      const expected = `partman-auto/disk /dev/${want}\ngrub-installer/bootdev /dev/${want}\n`;
      assert.equal(chosen, want === '' ? '' : expected);
      const included = choice(preScript(await answers('kickstart', PLANNED)), disks);
      assert.equal(/--only-use=(.*)/.exec(included)?.[1] ?? '', want);
      assert.equal(/clearpart .*--drives=(.*)/.exec(included)?.[1] ?? '', want);
    });
  }
});
