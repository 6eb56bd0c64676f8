import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expand } from '#machines/rack/ipxe/command-line.ts';
import { type Fetched, type IpxeOutcome, runScript } from '#machines/rack/ipxe/interpreter.ts';

type Run = { readonly outcome: IpxeOutcome; readonly printed: readonly string[]; readonly fetched: readonly string[] };

/** A machine whose network has these files and nothing else. */
async function run(lines: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<Run> {
  const printed: string[] = [];
  const fetched: string[] = [];
  const outcome = await runScript({
    text: ['#!ipxe', ...lines].join('\n'),
    url: 'http://10.0.0.1/a/X/boot.ipxe',
    settings: new Map([
      ['net0/mac', '52:54:00:00:00:01'],
      ['serial', 'A B'],
    ]),
    signal: AbortSignal.timeout(5000),
    machine: {
      fetch: (url): Promise<Fetched> => {
        fetched.push(url);
        const text = files[new URL(url).pathname];
        return Promise.resolve(
          text === undefined ? { ok: false, status: 404 } : { ok: true, bytes: new TextEncoder().encode(text) },
        );
      },
      dhcp: () => Promise.resolve(true),
      sleep: () => Promise.resolve(),
      print: (text) => printed.push(text),
    },
  });
  return { outcome, printed, fetched };
}

describe('the rack’s iPXE', () => {
  it('expands settings by type, innermost first', () => {
    const settings = new Map([
      ['net0/mac', '52:54:00:00:00:01'],
      ['which', 'net0/mac'],
      ['serial', 'A B'],
    ]);
    assert.equal(expand('${net0/mac:hexhyp}', settings), '52-54-00-00-00-01');
    assert.equal(expand('${serial:uristring}', settings), 'A%20B');
    assert.equal(expand('${${which}}', settings), '52:54:00:00:00:01');
    assert.equal(expand('${nothing}', settings), '');
  });

  it('boots a kernel with its initrds, fetched relative to the script', async () => {
    const { outcome, fetched } = await run(
      ['kernel kernel initrd=initrd-0 quiet', 'initrd --name initrd-0 initrd-0', 'boot'],
      {
        '/a/X/kernel': 'k',
        '/a/X/initrd-0': 'i',
      },
    );
    assert.deepEqual(outcome, {
      kind: 'kernel',
      arguments: 'initrd=initrd-0 quiet',
      initrds: [new TextEncoder().encode('i')],
    });
    assert.deepEqual(fetched, ['http://10.0.0.1/a/X/kernel', 'http://10.0.0.1/a/X/initrd-0']);
  });

  it('ends at a failing line, unless an alternative follows', async () => {
    assert.deepEqual((await run(['kernel missing', 'echo never'])).outcome, {
      kind: 'failed',
      because: 'kernel missing',
    });
    const { outcome, printed } = await run(['kernel missing || goto disk', 'echo never', ':disk', 'echo disk', 'exit']);
    assert.deepEqual(outcome, { kind: 'exit', status: 0 });
    assert.deepEqual(printed, ['disk']);
  });

  it('knows && and an empty alternative', async () => {
    const { printed } = await run([
      'iseq a a && echo yes',
      'iseq a b && echo no ||',
      'isset ${net0/mac} && echo set ||',
    ]);
    assert.deepEqual(printed, ['yes', 'set']);
  });

  it('comes back from a chained script, but not from one that replaces it', async () => {
    const files = { '/sub': '#!ipxe\necho sub' };
    assert.deepEqual((await run(['chain /sub', 'echo back'], files)).printed, ['sub', 'back']);
    assert.deepEqual((await run(['chain --replace /sub', 'echo back'], files)).printed, ['sub']);
  });

  it('stops a script that never ends', async () => {
    const { outcome } = await run([':again', 'goto again']);
    assert.deepEqual(outcome, { kind: 'failed', because: 'the script never ends' });
  });
});
