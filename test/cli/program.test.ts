import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { imageDocument, profileDocument } from '#machines/contract/documents.ts';
import { treeOf } from '../../cli/command-tree.ts';
import type { CommandTree } from '../../cli/decide/command-tree.ts';
import { programOf } from '../../cli/program.ts';
import { type Terminal, wantsColour } from '../../cli/terminal.ts';
import { peFile } from '#test/server/http/world.ts';
import { nameOf } from '../../cli/commands/loader.ts';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { runningCli, sharedDaemon } from './running-cli.ts';

describe('which daemon, and what lets us in', () => {
  const daemon = sharedDaemon();
  it('takes the token from the first place that has one', async () => {
    await using cli = await daemon();
    const env = { INGOT_TOKEN: undefined };
    const status = async (...args: readonly string[]) => (await cli.run([...args, 'machine', 'list'], { env })).status;
    assert.equal(await status(), 5, 'none is there');
    await mkdir(join(cli.cwd, 'data/demo'), { recursive: true });
    await writeFile(join(cli.cwd, 'data/demo/operator.token'), cli.api.tokens.viewer);
    assert.equal(await status(), 0, './data/demo');
    await writeFile(join(cli.cwd, 'data/operator.token'), 'ingot_wrong');
    assert.equal(await status(), 5, './data goes before ./data/demo');
    assert.equal(await status('--data', 'data/demo'), 0, '--data');
    await writeFile(join(cli.cwd, 'ingot.yaml'), 'dataDir: ./data/demo\napi: { listen: "x" }\n');
    assert.equal(await status('--config', 'ingot.yaml'), 0, '--config');
    assert.equal(
      (await cli.run(['machine', 'list'], { env: { ...env, INGOT_DATA: 'data/demo' } })).status,
      0,
      'INGOT_DATA',
    );
  });

  it('says where it looked, and what to do', async () => {
    await using cli = await daemon();
    const { error } = await cli.run(['machine', 'list'], { env: { INGOT_TOKEN: undefined } });
    assert.match(error, /^no token: looked for .*data\/operator\.token and .*data\/demo\/operator\.token\n {2}next: /);
  });

  it('says whose token it was that the daemon does not know', async () => {
    await using cli = await daemon();
    await mkdir(join(cli.cwd, 'data'), { recursive: true });
    const place = join(cli.cwd, 'data/operator.token');
    await writeFile(place, 'ingot_wrong');
    for (const [token, from] of [
      ['ingot_wrong', 'INGOT_TOKEN'],
      [undefined, place],
    ]) {
      const { status, error } = await cli.run(['machine', 'list'], { env: { INGOT_TOKEN: token } });
      assert.equal(status, 5);
      assert.ok(error.startsWith(`the daemon at ${cli.api.url} does not know the token from ${from}\n  next: `), error);
    }
  });

  it('ends with 4 where no daemon answers', async () => {
    await using cli = await daemon();
    const { status, error } = await cli.run(['--url', 'http://127.0.0.1:1', 'machine', 'list']);
    assert.equal(status, 4);
    assert.match(error, /no daemon answers at http:\/\/127\.0\.0\.1:1: .*\n {2}next: start one/);
  });

  it('ends with 5 where the role does not allow it, and says which does', async () => {
    await using cli = await daemon();
    const { status, error } = await cli.run(['machine', 'add', 'a'], { env: { INGOT_TOKEN: cli.api.tokens.viewer } });
    assert.equal(status, 5);
    assert.match(error, /a-viewer is viewer; this needs operator/);
  });
});

/** Of nobody: what is written to it is gone. */
const TERM: Terminal = {
  out: new Writable({ write: (_chunk, _encoding, done) => done() }),
  error: new Writable({ write: (_chunk, _encoding, done) => done() }),
  env: {},
  cwd: '/',
  interactive: false,
  colour: false,
  columns: undefined,
  signal: new AbortController().signal,
  readInput: async () => '',
};

describe('the command line', () => {
  const daemon = sharedDaemon();
  it('says its version, which is the package’s', async () => {
    await using cli = await daemon();
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as Record<
      string,
      string
    >;
    assert.deepEqual(await cli.run(['--version']), { status: 0, out: `${version}\n`, error: '' });
  });

  it('ends with 2 and the nearest known word when it is not understood', async () => {
    await using cli = await daemon();
    for (const [args, want] of [
      [['machin', 'list'], /Did you mean machine\?/],
      [['get', 'machins'], /did you mean machines\?/],
      [['get', 'machines', '-o', 'xml'], /want table \| yaml \| json/],
      [['machine', 'list', '--serch', 'x'], /Did you mean --search\?/],
      [['machine', 'list', '-l', '=='], /-l: got/],
    ] as const) {
      const { status, error } = await cli.run(args);
      assert.equal(status, 2, args.join(' '));
      assert.match(error, want);
    }
  });

  it('helps with examples, and that is no failure', async () => {
    await using cli = await daemon();
    for (const args of [['--help'], ['help'], ['machine', '--help']]) {
      const { status, out } = await cli.run(args);
      assert.equal(status, 0, args.join(' '));
      assert.match(out, /Examples:\n {2}ingot /);
    }
  });

  it('helps with a command inside a group, and with its page of the manual', async () => {
    await using cli = await daemon();
    assert.match((await cli.done('help', 'power', 'on')).out, /^Usage: ingot power on /);
    assert.match((await cli.done('help', 'power', 'on', '--man')).out, /^\.TH INGOT\\-POWER 1 /);
    assert.match((await cli.done('help', '--man')).out, /^\.TH INGOT 1 /);
    const wrong = await cli.run(['help', 'power', 'nonsense']);
    assert.deepEqual([wrong.status, /there is no such command/.test(wrong.error)], [2, true]);
  });

  it('has an example for every command, or says where they are, and a group for each', async () => {
    await using cli = await daemon();
    const shell = { term: TERM, daemon: () => assert.fail('nobody is asked'), end: () => {} };
    const program = treeOf(programOf(shell));
    const without = (path: string, { commands, after, description }: CommandTree): readonly string[] => [
      ...(/^ {2}(?:sudo )?ingot |Examples?: ingot |^ {2}--/m.test(after) && description !== '' ? [] : [path]),
      ...commands.flatMap((one) => without(`${path} ${one.name}`, one)),
    ];
    assert.deepEqual(without('ingot', program), []);
    assert.doesNotMatch((await cli.done('--help')).out, /^Commands:/m);
  });

  it('says where a wrong line is wrong, how it is used, and where more stands', async () => {
    await using cli = await daemon();
    const { error } = await cli.run(['trace']);
    assert.equal(
      error,
      "ingot trace: missing required argument 'machine'\n  usage: ingot trace [options] <machine>\n  next: ingot trace --help\n",
    );
  });

  it('names the nearest of what is not found', async () => {
    await using cli = await daemon();
    await cli.done('machine', 'add', 'r1-u12');
    const { status, error } = await cli.run(['machine', 'show', 'r1-u21']);
    assert.equal(status, 3);
    assert.equal(error, 'there is no machine r1-u21\n  did you mean r1-u12? all of them: ingot machine list\n');
    assert.match((await cli.run(['job', 'show', 'x'])).error, /\n {2}next: ingot job list\n$/);
  });

  it('is coloured only where a person reads it and wants it', () => {
    for (const [env, terminal, want] of [
      [{}, true, true],
      [{}, false, false],
      [{ NO_COLOR: '1' }, true, false],
      [{ NO_COLOR: '' }, true, true],
      [{ TERM: 'dumb' }, true, false],
      [{ FORCE_COLOR: '1' }, false, true],
      [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
    ] as const) {
      assert.equal(wantsColour(env, terminal), want, JSON.stringify([env, terminal]));
    }
  });
});

describe('documents on the command line', () => {
  const daemon = sharedDaemon();
  it('are edited in an editor and put back', async () => {
    await using cli = await daemon();
    await cli.done('machine', 'add', 'r1-u1');
    const editor = join(cli.cwd, 'editor');
    await writeFile(editor, '#!/bin/sh\nsed -i "s/labels: {}/labels: { rack: r1 }/" "$1"\n');
    await chmod(editor, 0o755);
    const { status, error } = await cli.run(['edit', 'machine', 'r1-u1'], { env: { EDITOR: editor } });
    assert.equal(status, 0, error);
    assert.deepEqual(cli.api.registry.machine('r1-u1')?.document.labels, { rack: 'r1' });
    assert.match((await cli.run(['edit', 'machine', 'r1-u1'], { env: { EDITOR: 'true' } })).out, /unchanged/);
  });

  it('keep what was typed when a line of it is wrong', async () => {
    await using cli = await daemon();
    await cli.done('machine', 'add', 'r1-u2');
    const editor = 'f() { echo "labls: {}" >> "$1"; }; f';
    const { status, error } = await cli.run(['edit', 'machine', 'r1-u2'], { env: { EDITOR: editor } });
    assert.equal(status, 2);
    const [, file = ''] = /^(\S+\.yaml):\d+:\d+: labls: unknown key; did you mean labels\?/.exec(error) ?? [];
    assert.match(await readFile(file, 'utf8'), /labls/);
    await rm(dirname(file), { recursive: true });
  });

  it('are shown by kind, and removed', async () => {
    await using cli = await daemon();
    await cli.run(['apply', '-f', '-'], {
      input: 'kind: Profile\nname: local\nos: disk\n---\nkind: Class\nname: all\nprofile: local\n',
    });
    assert.match(
      (await cli.done('get', 'profiles', '-l', '!ingot/built-in')).out,
      /^NAME +WHAT.*\nlocal +disk, when once/,
    );
    assert.match((await cli.done('get', 'Class', 'all')).out, /^kind: Class\nname: all\n/);
    assert.equal((await cli.done('delete', 'classes', 'all')).out, 'all removed\n');
    assert.equal((await cli.run(['get', 'class', 'all'])).status, 3);
    assert.equal((await cli.run(['delete', 'subnet', 'x'])).status, 5);
  });
});

describe('ingot trace', () => {
  const attempt = attemptOf('r1-u1', {
    verdict: { code: 'no-tftp', stage: 'dhcp', cause: 'it never asked for its file', next: 'look at the firewall' },
  });

  it('tells what happened, the verdict, and what to try next', async () => {
    await using cli = await runningCli();
    cli.api.recorder.tell(attempt, { kind: 'tftp-asked', file: 'a\u001b[2Jb', options: '' }, attempt.startedAt);
    cli.api.recorder.tell(
      attempt,
      { kind: 'tftp-refused', file: 'a', because: 'no such file' },
      attempt.startedAt + 1500,
    );
    const { out } = await cli.done('trace', 'r1-u1');
    assert.match(out, /\+0\.00s {2}TFTP {3}asks for a\\u001b\[2Jb /);
    assert.match(out, /\+1\.50s {2}TFTP {3}a refused: no such file\n/);
    assert.match(out, /\nno-tftp {2}at stage dhcp\n {2}it never asked for its file\n {2}next: look at the firewall\n$/);
    const json = JSON.parse((await cli.done('trace', 'r1-u1', '-o', 'json')).out) as { events: object[] };
    assert.equal(json.events.length, 2);
  });

  it('follows a boot until the person has seen enough', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1');
    cli.api.recorder.tell(attempt, { kind: 'grant-spent', grant: 'first' });
    const enough = new AbortController();
    let told = false;
    const ran = await cli.run(['trace', 'r1-u1', '--follow', '-o', 'json'], {
      signal: enough.signal,
      onOut(text) {
        if (!told && text.includes('"first"')) {
          told = true;
          // The stream was opened before the first events were read.
          cli.api.recorder.tell(attempt, { kind: 'grant-spent', grant: 'second' });
        }
        if (text.includes('"second"')) enough.abort();
      },
    });
    assert.equal(ran.status, 0);
    const lines = ran.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; grant?: string });
    assert.deepEqual(
      lines.filter(({ kind }) => kind === 'grant-spent').map(({ grant }) => grant),
      ['first', 'second'],
    );
  });

  it('saves packets', async () => {
    await using cli = await runningCli();
    cli.api.recorder.tell(attempt);
    await cli.done('trace', 'r1-u1', '--pcap', 'boot.pcap');
    assert.equal(await readFile(join(cli.cwd, 'boot.pcap'), 'utf8'), attempt.id);
    assert.deepEqual(await cli.run(['trace', 'r1-u1', '--pcap', 'nowhere/boot.pcap']), {
      status: 2,
      out: '',
      error: '--pcap: cannot write nowhere/boot.pcap (ENOENT)\n',
    });
  });

  it('tells "no such machine" from "nothing seen of it yet"', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u2');
    const seen = await cli.run(['trace', 'r1-u2']);
    assert.deepEqual([seen.status, seen.error.split('\n')[0]], [3, 'nothing has been seen of r1-u2 yet']);
    const none = await cli.run(['trace', 'r9-u9']);
    assert.deepEqual([none.status, none.error.split('\n')[0]], [3, 'there is no machine r9-u9']);
  });
});

const RESCUE = 'kind: Profile\nname: rescue\nos: chain\nwrites: none\nurl: http://192.0.2.1/x\n';

describe('booting and access', () => {
  const daemon = sharedDaemon();
  it('permits one netboot', async () => {
    await using cli = await daemon();
    await cli.done('machine', 'add', 'r1-u1');
    await cli.run(['apply', '-f', '-'], { input: RESCUE });
    assert.match((await cli.done('boot', 'r1-u1', '--profile', 'rescue')).out, /^r1-u1 boots rescue once/);
    await cli.done('machine', 'adopt', 'r1-u1');
    assert.equal((await cli.run(['boot', 'r1-u1', '--profile', 'rescue'])).status, 5);
  });

  it('explains, and shows the script byte for byte', async () => {
    await using cli = await daemon();
    const { out } = await cli.done('explain', '52:54:00:00:00:77');
    assert.match(out, /because +no machine has this MAC, and discovery is off here/);
    assert.match(out, /#!ipxe\nexit\n$/);
  });

  it('explains what would really happen where a file is missing, and names it', async () => {
    const profile = profileDocument.parse({
      kind: 'Profile',
      name: 'live',
      os: 'kernel',
      when: 'always',
      image: 'live',
    });
    const image = imageDocument.parse({
      kind: 'Image',
      name: 'live',
      arch: 'x86_64',
      assets: [{ role: 'kernel', path: '/nonexistent/vmlinuz' }],
    });
    await using cli = await runningCli({
      explain: () => ({
        plan: { kind: 'netboot', profile, image, grant: undefined, because: 'profile live: machine r1-u1 names it' },
        script: { situation: 'kernel', because: 'profile live' },
        text: '#!ipxe\n',
      }),
    });
    await cli.done('machine', 'add', 'r1-u1');
    const { out } = await cli.done('explain', 'r1-u1');
    assert.match(out, /^r1-u1: its own disk\n/);
    assert.match(out, /^because .*but iPXE will not get its kernel: .*\/nonexistent\/vmlinuz/m);
    assert.match(out, /^missing +kernel: .*\/nonexistent\/vmlinuz/m);
  });

  it('explains an adopted machine as adopted', async () => {
    await using cli = await daemon();
    await cli.done('machine', 'add', 'r1-u2');
    await cli.done('machine', 'adopt', 'r1-u2');
    assert.match((await cli.done('explain', 'r1-u2')).out, /^standing +adopted$/m);
  });

  it('prints the secret of a new token alone, so that a script can keep it', async () => {
    await using cli = await daemon();
    const { out, error } = await cli.done('token', 'create', 'ci', '--role', 'operator');
    assert.match(out, /^ingot_[A-Za-z0-9_-]{43}\n$/);
    assert.match(error, /for ci as operator/);
    const list = (await cli.done('token', 'list')).out;
    const id = /^(\S+) +token +ci/m.exec(list)?.[1] ?? '';
    await cli.done('token', 'remove', id);
    assert.equal((await cli.run(['token', 'remove', id])).status, 3);
    assert.match((await cli.done('audit')).out, /createToken/);
  });

  it('opens the page once', async () => {
    await using cli = await daemon();
    const { out } = await cli.done('login');
    assert.equal((await fetch(out.trim(), { redirect: 'manual' })).status, 303);
    assert.equal((await fetch(out.trim(), { redirect: 'manual' })).status, 401);
  });

  it('adds loaders under the name that they are served by', async () => {
    await using cli = await daemon();
    await writeFile(join(cli.cwd, 'undionly.kpxe'), 'a loader');
    assert.match((await cli.done('loader', 'add', 'undionly.kpxe')).out, /^ipxe\/undionly\.kpxe added: 8 bytes/);
    assert.match((await cli.done('loader', 'list')).out, /ipxe\/undionly\.kpxe +yes/);
    assert.equal(
      (await cli.run(['loader', 'add', 'http://192.0.2.1/undionly.kpxe'])).status,
      2,
      'a URL needs a digest',
    );
    assert.throws(() => nameOf('ipxe.iso', new Uint8Array(512)), /want --as with one of/);
    assert.equal(nameOf('shimx64.efi.signed', peFile()), 'grub/x86_64/shimx64.efi', 'as Debian’s package has it');
    assert.equal(nameOf('grubnetaa64.efi.signed', peFile(0xaa64)), 'grub/arm64/grubaa64.efi');
  });
});
