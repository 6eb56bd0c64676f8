import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runningCli } from './running-cli.ts';

const RACK = `kind: image
name: rescue
arch: x86_64
assets:
  - { role: kernel, path: ./vmlinuz }
---
kind: Profile
name: rescue
os: kernel
writes: none
image: rescue
---
kind: machines
name: r1-u1
macs: ["52:54:00:00:00:01"]
profile: rescue
`;

describe('ingot apply', () => {
  it('creates what a file says, and says what it did', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'rack.yaml'), RACK);
    const { out, error, status } = await cli.run(['apply', '-f', 'rack.yaml']);
    assert.equal(status, 0);
    assert.match(error, /^rack\.yaml:5:\d+: warning: .*\/vmlinuz is not there \(on this host\)/);
    assert.equal(out, '+ Image rescue created\n+ Profile rescue created\n+ Machine r1-u1 created\n3 created\n');
    const image = cli.api.registry.image('rescue');
    assert.equal(image?.assets[0]?.path, join(cli.cwd, 'vmlinuz'), 'a path is meant from its file');
    await writeFile(join(cli.cwd, 'vmlinuz'), 'a kernel');
    assert.deepEqual(await cli.run(['apply', '-f', 'rack.yaml']), { status: 0, out: '3 unchanged\n', error: '' });
  });

  it('tells mistakes by file, line and column, with what to write instead', async () => {
    await using cli = await runningCli();
    await writeFile(
      join(cli.cwd, 'rack.yaml'),
      'kind: Machine\nname: r1-u1\nmacs:\n  - nonsense\nprofil: x\n---\nkind: Machin\nname: b\n',
    );
    const { error, status } = await cli.run(['apply', '-f', 'rack.yaml']);
    assert.equal(status, 2);
    assert.match(error, /^rack\.yaml:4:5: macs\[0\]: got "nonsense", want a MAC address/m);
    assert.match(error, /^rack\.yaml:5:1: profil: unknown key; did you mean profile\?/m);
    assert.match(error, /^rack\.yaml:7:1: kind: got "Machin", want kind: Machine \| Profile/m);
    assert.equal(cli.api.registry.machines().length, 0, 'nothing is sent when a file is wrong');
  });

  it('tells what the daemon finds wrong by the same places', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'a.yaml'), 'kind: Machine\nname: a\nprofile: nothing\n---\nkind: Machine\nname: b\n');
    const { error, out, status } = await cli.run(['apply', '-f', 'a.yaml']);
    assert.equal(status, 2);
    assert.match(error, /^a\.yaml:3:1: Machine a: profile: there is no profile nothing/);
    assert.match(out, /^\+ Machine b created/);
  });

  it('reads folders with all below them, and prunes by folder', async () => {
    await using cli = await runningCli();
    await mkdir(join(cli.cwd, 'rack/deep'), { recursive: true });
    await writeFile(join(cli.cwd, 'rack/a.yaml'), 'kind: Machine\nname: a\n');
    await writeFile(join(cli.cwd, 'rack/deep/b.yml'), 'kind: Machine\nname: b\n');
    await writeFile(join(cli.cwd, 'rack/notes.txt'), 'not read');
    await cli.done('apply', '-f', 'rack');
    await writeFile(join(cli.cwd, 'rack/deep/b.yml'), 'kind: Machine\nname: c\n');
    assert.match((await cli.done('apply', '-f', 'rack', '--prune', '--dry-run')).out, /- Machine b removed/);
    assert.ok(cli.api.registry.machine('b'), 'a dry run removes nothing');
    await cli.done('apply', '-f', 'rack', '--prune');
    assert.deepEqual(
      cli.api.registry
        .machines()
        .map(({ document }) => document.name)
        .toSorted(),
      ['a', 'c'],
    );
  });

  it('takes back what get gives, as YAML and as JSON', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'rack.yaml'), RACK);
    await cli.done('apply', '-f', 'rack.yaml');
    for (const format of ['yaml', 'json']) {
      for (const kind of ['machines', 'profiles', 'images']) {
        const { out } = await cli.done('get', kind, '-o', format, '-l', '!ingot/built-in');
        const again = await cli.run(['apply', '-f', '-'], { input: out });
        assert.equal(again.out, '1 unchanged\n', `${kind} as ${format}`);
      }
    }
  });

  it('refuses what it cannot do, before anything is asked', async () => {
    await using cli = await runningCli();
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['apply', '-f', 'missing.yaml'], /missing\.yaml: there is no such file/],
      [['apply', '-f', '.'], /no file that ends in/],
      [['apply', '-f', '-', '--prune'], /--prune: want exactly one -f/],
      [['apply'], /required option/],
      [['apply', '-f', '-'], /./],
    ];
    for (const [args, want] of cases) {
      const { status, error } = await cli.run(args);
      assert.equal(status, 2, args.join(' '));
      assert.match(error, want);
    }
  });
});

describe('ingot diff', () => {
  it('shows each value before and after, and ends with 1', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'rack.yaml'), RACK);
    await writeFile(join(cli.cwd, 'vmlinuz'), 'a kernel');
    await cli.done('apply', '-f', 'rack.yaml');
    assert.deepEqual(await cli.run(['diff', '-f', 'rack.yaml']), { status: 0, out: '', error: '' });
    await writeFile(join(cli.cwd, 'rack.yaml'), RACK.replace('00:01', '00:02'));
    const { status, out } = await cli.run(['diff', '-f', 'rack.yaml']);
    assert.equal(status, 1);
    assert.equal(out, '~ Machine r1-u1 changed: macs[0]\n    macs[0]: "52:54:00:00:00:01" → "52:54:00:00:00:02"\n');
  });
});
