import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { formatYamlIssue, readYaml } from '#services/yaml/read-yaml.ts';

const told = (text: string): readonly string[] => {
  const result = readYaml({ file: 'x.yaml', text }, z.unknown());
  return result.ok ? [] : result.issues.map(formatYamlIssue);
};

it('aliases that would come to more than any memory are an issue with a place, and so are lists in lists without end', () => {
  const levels = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level += 1)
    levels.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  assert.match(
    told(`---\nkind: Profile\n---\n${levels.join('\n')}\n`).join('\n'),
    /^x\.yaml:3:1: Excessive alias count/,
  );
  assert.match(told(`a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`).join('\n'), /^x\.yaml:1:\d+: /);
  assert.deepEqual(told('a: &a [1]\nb: *a\n'), []);
});
