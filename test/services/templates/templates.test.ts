import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { openTemplates, type TemplateSample } from '#services/templates/templates.ts';

async function withTemplates<T>(
  files: Readonly<Record<string, string>>,
  samples: readonly TemplateSample[],
  work: (opened: Awaited<ReturnType<typeof openTemplates>>, dir: string) => T,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-templates-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
    return work(await openTemplates({ dir, samples }), dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

const sample = (template: string, data: object): TemplateSample => ({ template, label: 'a sample', data });

describe('templates', () => {
  it('render text as it stands: no escaping, no line swallowed', async () => {
    const text = 'a?x=1&y=<%= it.y %>\n<% if (it.on) { -%>\n${net0/mac}\n<% } -%>\nend\n';
    await withTemplates({ 'x.eta': text }, [sample('x', { y: 2, on: true })], (opened) => {
      assert.ok(opened.ok);
      assert.equal(opened.templates.render('x', { y: "it's", on: true }), "a?x=1&y=it's\n${net0/mac}\nend\n");
      assert.equal(opened.templates.render('x', { y: 2, on: false }), 'a?x=1&y=2\nend\n');
      assert.deepEqual(opened.templates.names, ['x']);
    });
  });

  it('include one another with the same data', async () => {
    const files = { 'a/x.eta': 'one\n<%@ b/y -%>\nthree\n', 'b/y.eta': 'two <%= it.z %>\n' };
    await withTemplates(files, [sample('a/x', { z: 'z' })], (opened) => {
      assert.ok(opened.ok);
      assert.equal(opened.templates.render('a/x', { z: 'z' }), 'one\ntwo z\nthree\n');
    });
  });

  const faults: readonly {
    readonly name: string;
    readonly files: Readonly<Record<string, string>>;
    readonly samples?: readonly TemplateSample[];
    readonly want: readonly RegExp[];
  }[] = [
    {
      name: 'a value that is missing',
      files: { 'x.eta': 'a\nb\nc <%= it.nothing %>\n' },
      samples: [sample('x', {})],
      want: [/x\.eta:3: got undefined, want text \(rendering a sample\)$/],
    },
    {
      name: 'a value with a line end',
      files: { 'x.eta': 'a <%= it.name %>\n' },
      samples: [sample('x', { name: 'a\nb' })],
      want: [/x\.eta:1: got control characters: "a\\nb"/],
    },
    {
      name: 'a property of nothing',
      files: { 'x.eta': 'a\n<%= it.a.b %>\n' },
      samples: [sample('x', {})],
      want: [/x\.eta:2: Cannot read properties of undefined \(reading 'b'\)/],
    },
    {
      name: 'a fault within an included template, told by that one',
      files: { 'x.eta': '1\n2\n<%@ y -%>\n', 'y.eta': '1\n<%= it.z %>\n' },
      samples: [sample('x', {})],
      want: [/y\.eta:2: got undefined, want text/],
    },
    { name: 'a tag that is not closed', files: { 'x.eta': 'a\nb <%= it.x \n' }, want: [/x\.eta:2: unclosed tag/] },
    {
      name: 'code that is none',
      files: { 'x.eta': 'a\nb\n<%= it.x + %>\nc\n' },
      want: [/x\.eta:3: Unexpected token '\)'/],
    },
    { name: 'a brace that is not closed', files: { 'x.eta': 'a\n<% if (it.x) { %>\nc\n' }, want: [/x\.eta:\d+: \w+/] },
    {
      name: 'an include of nothing',
      files: { 'x.eta': 'a\n<%@ nothing -%>\n' },
      samples: [sample('x', {})],
      want: [/x\.eta:2: there is no template nothing/],
    },
    { name: 'no template at all', files: {}, samples: [sample('x', {})], want: [/x\.eta:1: no such template/] },
    {
      name: 'several faults',
      files: { 'x.eta': '<%= it.x + %>', 'y.eta': '\n<% ) %>' },
      want: [/x\.eta:1: /, /y\.eta:2: /],
    },
  ];
  for (const { name, files, samples = [], want } of faults) {
    it(`${name}: file and line at start`, async () => {
      await withTemplates(files, samples, (opened, dir) => {
        assert.ok(!opened.ok);
        assert.equal(opened.errors.length, want.length, opened.errors.join('\n'));
        for (const [index, error] of opened.errors.entries()) {
          assert.ok(error.startsWith(dir), error);
          assert.doesNotMatch(error, /\n/);
          assert.match(error, want[index] ?? /^$/);
        }
      });
    });
  }

  it('a directory that cannot be read is no template error', async () => {
    await assert.rejects(openTemplates({ dir: '/nonexistent', samples: [] }), /ENOENT/);
  });
});
