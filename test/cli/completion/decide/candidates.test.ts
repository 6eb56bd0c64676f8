import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { completionOf, givenGlobals } from '../../../../cli/completion/decide/candidates.ts';
import { afterBashBreak, shellWords } from '../../../../cli/completion/decide/shell-words.ts';
import type { CommandTree, TreeArgument, TreeOption } from '../../../../cli/decide/command-tree.ts';

const command = (name: string, more: Partial<CommandTree> = {}): CommandTree => ({
  name,
  aliases: [],
  summary: `about ${name}`,
  description: '',
  arguments: [],
  options: [],
  commands: [],
  after: '',
  ...more,
});
const option = (long: string, value?: string, choices: readonly string[] = []): TreeOption => ({
  short: `-${long.charAt(2)}`,
  long,
  about: '',
  value: value === undefined ? undefined : { name: value, required: true },
  choices,
  repeatable: false,
});
const argument = (name: string, variadic = false, choices: readonly string[] = []): TreeArgument => ({
  name,
  required: true,
  variadic,
  about: '',
  choices,
});

const PROGRAM = command('ingot', {
  options: [option('--url', 'url'), option('--data', 'dir')],
  commands: [
    command('machine', {
      aliases: ['m'],
      commands: [
        command('accept', { arguments: [argument('machines', true)], options: [option('--yes')] }),
        command('add', { arguments: [argument('name')], options: [option('--profile', 'name')] }),
      ],
    }),
    command('get', {
      arguments: [argument('kind'), argument('name')],
      options: [option('--output', 'format'), option('--selector', 'conditions')],
    }),
    command('job', { commands: [command('logs', { arguments: [argument('id')] })] }),
    command('apply', { options: [option('--file', 'path')] }),
    command('completion', { arguments: [argument('shell', false, ['bash', 'zsh'])] }),
  ],
});

describe('what may stand where one types', () => {
  const of = (line: string) => {
    const { from, before, typed } = completionOf(PROGRAM, line.split(' '));
    const what =
      from.kind === 'words' ? from.words.map(({ word }) => word) : from.kind === 'names' ? from.of : from.kind;
    return { what, before, typed };
  };

  it('is a command, an option, a value or a name', () => {
    for (const [line, want] of [
      ['', ['machine', 'get', 'job', 'apply', 'completion']],
      ['mach', ['machine', 'get', 'job', 'apply', 'completion']],
      ['machine ', ['accept', 'add']],
      ['m ', ['accept', 'add']],
      ['machine accept ', 'machine'],
      ['machine accept a b', 'machine'],
      ['machine accept --', ['--yes', '--url', '--data']],
      ['machine accept -- -', 'machine'],
      ['machine add ', 'nothing'],
      ['machine add x --profile ', 'profile'],
      ['machine add x -p ', 'profile'],
      ['--url http://x machine accept ', 'machine'],
      ['--data ', 'files'],
      ['get ', ['machines', 'profiles', 'classes', 'subnets', 'images', 'networks']],
      ['get profiles ', 'profile'],
      ['get Class ', 'class'],
      ['get leases ', 'nothing'],
      ['get machines --output ', ['table', 'yaml', 'json']],
      ['job logs ', 'job'],
      ['job logs x ', 'nothing'],
      ['apply -f ', 'files'],
      ['completion ', ['bash', 'zsh']],
      ['nonsense ', 'nothing'],
    ] as const) {
      const got = of(line).what;
      if (Array.isArray(got) && Array.isArray(want))
        assert.deepEqual(
          got.filter((word) => want.includes(word)),
          want,
          line,
        );
      else assert.deepEqual(got, want, line);
    }
  });

  it('keeps what stands before it in the same word', () => {
    assert.deepEqual(of('get x --output=ya'), { what: ['table', 'yaml', 'json'], before: '--output=', typed: 'ya' });
    assert.deepEqual(of('get x --selector rack=r1,en'), { what: 'label', before: 'rack=r1,', typed: 'en' });
    assert.deepEqual(of('get x --selector=rack=r1,en'), { what: 'label', before: '--selector=rack=r1,', typed: 'en' });
    assert.deepEqual(of('machine accept a,b,c'), { what: 'machine', before: 'a,b,', typed: 'c' });
  });

  it('asks the daemon that the line names, and not by a value that is still being typed', () => {
    assert.deepEqual(givenGlobals(['--url', 'http://x', '--data=d', 'trace', '']), { url: 'http://x', data: 'd' });
    assert.deepEqual(givenGlobals(['--url', 'htt']), {});
    assert.deepEqual(givenGlobals(['-c', 'f', '']), { config: 'f' });
  });
});

describe('the words of a line', () => {
  it('are split as a shell does', () => {
    for (const [line, words] of [
      ['ingot ', ['ingot', '']],
      ['ingot  a', ['ingot', 'a']],
      [`a 'b c' "d \\" e" f\\ g`, ['a', 'b c', 'd " e', 'f g']],
      ['a "b', ['a', 'b']],
      ["a ''", ['a', '']],
      ['a \\', ['a', '']],
      ['', ['']],
    ] as const) {
      assert.deepEqual(shellWords(line), words, line);
    }
  });

  it('end for bash where it breaks them', () => {
    assert.equal(afterBashBreak('--output=js'), 'js');
    assert.equal(afterBashBreak('52:54:00'), '00');
    assert.equal(afterBashBreak('r1-u1'), 'r1-u1');
  });
});
