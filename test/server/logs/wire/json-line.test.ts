import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseJsonLine } from '#server/logs/wire/json-line.ts';

const TABLE: readonly (readonly [name: string, line: string, severity: number, text: string])[] = [
  [
    'Talos’ kernel',
    '{"clock":8311,"facility":"kern","msg":"e1000: Link is Up\\n","priority":"info","seq":712,"talos-level":"info","talos-time":"2024-01-02T03:04:05Z"}',
    6,
    'kern: e1000: Link is Up',
  ],
  [
    'a service of Talos',
    '{"msg":"starting","talos-level":"error","talos-service":"machined","talos-time":"2024-01-02T03:04:05Z"}',
    3,
    'machined: starting',
  ],
  ['pino', '{"level":50,"time":1,"msg":"broken"}', 3, 'broken'],
  ['journald', '{"MESSAGE":"hi","PRIORITY":"4","SYSLOG_IDENTIFIER":"sshd"}', 4, 'sshd: hi'],
  ['a syslog number', '{"message":"x","severity":2}', 2, 'x'],
  ['no message', '{"a":1}', 5, '{"a":1}'],
  ['no JSON', 'plain text\r\n', 5, 'plain text'],
  ['half of JSON', '{"msg":"cut', 5, '{"msg":"cut'],
  ['an array', '["msg"]', 5, '["msg"]'],
  ['null', 'null', 5, 'null'],
  [
    'names of every object',
    '{"__proto__":{"msg":"no"},"constructor":"no"}',
    5,
    '{"__proto__":{"msg":"no"},"constructor":"no"}',
  ],
  ['a message that is no text', '{"msg":{"a":1},"level":null}', 5, '{"msg":{"a":1},"level":null}'],
];

describe('a line of a JSON log', () => {
  for (const [name, line, severity, text] of TABLE) {
    it(name, () => {
      assert.deepEqual(parseJsonLine(line), { severity, text });
    });
  }

  it('has a text and a severity, whatever came', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        (line) => {
          const { severity, text } = parseJsonLine(line);
          assert.equal(typeof text, 'string');
          assert.ok(Number.isInteger(severity) && severity >= 0 && severity <= 7, `${severity}`);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('of eight thousand open brackets is text', () => {
    const line = '{"a":'.repeat(1600);
    assert.equal(parseJsonLine(line).text, line);
  });
});
