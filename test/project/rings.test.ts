import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { importsOf, impurity, resolveImport, ringOf, whyNot, whyNotPackage } from './rings.ts';
import { repositoryFiles, ROOT } from './source-files.ts';

const SOURCES = repositoryFiles()
  .filter((file) => ringOf(file) !== undefined && /\.tsx?$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

test('there are sources in every ring, so that the checks below check something', () => {
  assert.deepEqual(new Set(SOURCES.map(({ file }) => ringOf(file))), new Set([0, 1, 2, 3]));
  assert.ok(SOURCES.flatMap(({ text }) => importsOf(text)).length > SOURCES.length);
});

test('imports point inward only, and programs do not know each other', () => {
  const wrong = SOURCES.flatMap(({ file, text }) =>
    importsOf(text).flatMap((written) => {
      const to = resolveImport(file, written);
      const why = to === undefined ? whyNotPackage(file, written) : whyNot({ from: file, to });
      return why === undefined ? [] : [`${file} imports ${written}: ${why}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test('every import inside the repository names a file that is there', () => {
  const missing = SOURCES.flatMap(({ file, text }) =>
    importsOf(text).flatMap((written) => {
      const to = resolveImport(file, written);
      return to === undefined || existsSync(join(ROOT, to)) ? [] : [`${file} imports ${written}`];
    }),
  );
  assert.deepEqual(missing, []);
});

test('codecs and decisions ask neither clock nor chance nor the world', () => {
  const impure = SOURCES.flatMap(({ file, text }) => {
    const found = impurity(file, text);
    return found === undefined ? [] : [`${file} uses ${found}`];
  });
  assert.deepEqual(impure, []);
});

for (const [file, ring] of [
  ['server/dhcp4/wire/message.ts', 0],
  ['machines/values/mac-address.ts', 0],
  ['machines/api/machine/version.ts', 0],
  ['server/tftp/decide/sender.ts', 1],
  ['machines/contract/trace.ts', 1],
  ['machines/os/talos/config.ts', 1],
  ['machines/identity.ts', 1],
  ['services/store/contract.ts', 2],
  ['server/tftp/transfer.ts', 2],
  ['server/task.ts', 2],
  ['server/main.ts', 3],
  ['cli/main.ts', 3],
  ['machines/rack/main.ts', 3],
  ['machines/agent/main.ts', 3],
  ['test/run.ts', undefined],
] as const) {
  test(`the ring of ${file} is ${ring}`, () => assert.equal(ringOf(file), ring));
}

for (const [from, to, allowed] of [
  ['server/dhcp4/wire/message.ts', 'machines/values/ip-address.ts', true],
  ['server/dhcp4/wire/message.ts', 'machines/contract/trace.ts', false],
  ['server/tftp/decide/sender.ts', 'server/tftp/wire/packet.ts', true],
  ['server/tftp/decide/sender.ts', 'server/tftp/transfer.ts', false],
  ['machines/decide/boot-plan.ts', 'services/store/contract.ts', false],
  ['server/http/boot-plane.ts', 'services/images/contract.ts', true],
  ['server/http/boot-plane.ts', 'server/main.ts', false],
  ['services/store/contract.ts', 'server/dhcp4/wire/message.ts', true],
  ['services/store/contract.ts', 'server/tftp/transfer.ts', false],
  ['server/main.ts', 'server/tftp/server.ts', true],
  ['server/main.ts', 'machines/rack/main.ts', false],
  ['machines/rack/relay.ts', 'server/dhcp4/wire/message.ts', true],
  ['machines/rack/relay.ts', 'server/dhcp4/server.ts', false],
  ['machines/rack/main.ts', 'machines/agent/main.ts', true],
  ['machines/agent/main.ts', 'machines/rack/main.ts', false],
  ['cli/main.ts', 'machines/contract/api/routes.ts', true],
  ['cli/main.ts', 'server/config/parse-config.ts', false],
  ['cli/main.ts', 'test/run.ts', false],
] as const) {
  test(`${from} ${allowed ? 'may' : 'may not'} import ${to}`, () => {
    assert.equal(whyNot({ from, to }) === undefined, allowed);
  });
}

test('a decision may use zod, but nothing of Node; a shell may use both', () => {
  assert.equal(whyNotPackage('machines/decide/actions.ts', 'zod'), undefined);
  assert.ok(whyNotPackage('machines/decide/actions.ts', 'node:crypto'));
  assert.ok(whyNotPackage('server/tftp/wire/packet.ts', 'node:buffer'));
  assert.equal(whyNotPackage('server/tftp/transfer.ts', 'node:dgram'), undefined);
});

test('every form of import is seen, and a comment is none', () => {
  const text = `
    import type { A } from './a.ts';
    import {
      b,
    } from '#machines/values/b.ts';
    export { c } from '../c.ts';
    import 'node:d';
    const e = await import('./e.ts');
    new Worker(new URL('f.ts', import.meta.url));
    // import { x } from './x.ts';
    export type Made = { readonly from: string };
    const text = 'read from';
    /* import { y } from './y.ts'; */`;
  assert.deepEqual(importsOf(text), ['./a.ts', '#machines/values/b.ts', '../c.ts', 'node:d', './e.ts', 'f.ts']);
});

test('a clock in a decision is seen, and the word in a comment is not', () => {
  assert.equal(impurity('server/tftp/decide/sender.ts', 'const now = Date.now();'), 'Date.now');
  assert.equal(impurity('server/tftp/decide/sender.ts', "const next = 'Look at the console.';"), undefined);
  assert.equal(impurity('server/tftp/decide/sender.ts', '// never Date.now\n'), undefined);
  assert.equal(impurity('server/tftp/transfer.ts', 'const now = Date.now();'), undefined);
});
