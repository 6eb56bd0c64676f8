import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it, type TestContext } from 'node:test';
import { tomlText } from '#machines/os/bottlerocket/toml.ts';

const VALUES = {
  plain: { text: 'a', number: -3, half: 0.5, flag: true, list: ['x', 'y'], nested: [[1], [2, 3]], empty: {} },
  'a key "with" all\\sorts.of=things':
    'quote " backslash \\ line\nreturn\r tab\t bell\u0007 del\u007f nel\u0085 bom\ufeff 🜁',
  tables: { one: { two: { three: 'deep' } }, 'host-containers': { admin: { enabled: true } } },
  inline: [{ registry: '*', endpoint: ['https://192.0.2.2'] }, {}],
};

it('TOML of ours is read by Python’s tomllib as what it was', (t: TestContext) => {
  const program = 'import json, sys, tomllib; print(json.dumps(tomllib.loads(sys.stdin.buffer.read().decode())))';
  const { status, stdout, stderr } = spawnSync('python3', ['-c', program], {
    input: tomlText(VALUES),
    encoding: 'utf8',
  });
  if (status !== 0 && /No module named 'tomllib'|ENOENT/.test(stderr ?? 'ENOENT')) return t.skip('needs Python 3.11');
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), VALUES);
});
