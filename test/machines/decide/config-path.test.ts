import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { resolveConfigPath } from '#machines/decide/config-path.ts';

suite('what a path of configuration names', () => {
  for (const [target, want] of [
    ['/m/T/nocloud/user-data', { kind: 'nocloud', file: 'user-data' }],
    ['//m//T/nocloud//meta-data', { kind: 'nocloud', file: 'meta-data' }],
    ['/m/T/ignition', { kind: 'ignition' }],
    ['/m/T/apkovl.tar.gz', { kind: 'apkovl' }],
    ['/m/T/talos?uuid=x&mac=y', { kind: 'talos' }],
    ['/m/talos?h=a&token=T', { kind: 'talos' }],
    ['/m/T/ec2/', { kind: 'ec2', path: undefined }],
    ['/m/T/ec2/latest/meta-data/', { kind: 'ec2', path: ['meta-data'] }],
    ['/m/T/ec2/2009-04-04/user-data', { kind: 'ec2', path: ['user-data'] }],
  ] as const) {
    test(target, () => {
      const found = resolveConfigPath('GET', target);
      assert.equal(found?.token, 'T');
      assert.deepEqual(found.item, want);
    });
  }
  for (const [method, target] of [
    ['GET', '/m'],
    ['GET', '/m/T'],
    ['GET', '/m/T/nocloud'],
    ['GET', '/m/T/nocloud/../preseed'],
    ['GET', '/m/T/nocloud/user-data/x'],
    ['GET', '/m/T/ec2/v1/meta-data'],
    ['GET', '/a/T/talos'],
    ['POST', '/m/T/talos'],
    ['PUT', '/m/T/ec2/latest/meta-data'],
    ['GET', `/m/T/talos?${'x'.repeat(2000)}`],
  ] as const) {
    test(`${method} ${target.slice(0, 40)} is nothing`, () =>
      assert.equal(resolveConfigPath(method, target), undefined));
  }
});
