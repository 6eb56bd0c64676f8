import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { ProfileDocument } from '#machines/contract/documents.ts';
import { talosName } from '#machines/rack/prepare.ts';
import { inspect, openTalosWorld } from './talos-world.ts';

const TALOS = 'v1.13.2';

test('machines fetch their configuration by the token of their boot; a control plane only where its profile says so', async () => {
  await using world = await openTalosWorld(2);
  const { daemon } = world;
  const [first = '', second = ''] = world.names;
  await inspect(world, [first, second]);
  await world.cluster({ controlPlane: [first], workers: [second] }, TALOS);
  const pushed = await daemon.api<ProfileDocument & { readonly status: object }>(
    'GET',
    `/api/v1/profiles/${talosName(TALOS)}`,
  );
  const { status: _status, ...document } = pushed;
  const fetched = { ...document, name: 'fetched', args: [...document.args, 'talos.config={{config.talos}}'] };
  await daemon.apply([fetched]);

  const plans = await daemon.api<PlanAnswer>('POST', '/api/v1/plans', {
    kind: 'install',
    machines: [first, second],
    profile: 'fetched',
  });
  assert.deepEqual(
    plans.items.map(({ refusals }) => refusals.map(({ because }) => because)),
    [
      [
        'profile fetched args: talos.config has a control plane fetch its secrets in plain HTTP; leave it out, or say plainSecrets: true',
      ],
      [],
    ],
  );

  await daemon.apply([{ ...fetched, plainSecrets: true }]);
  const jobs = await world.jobs('install', [first, second], { asked: { profile: 'fetched' } });
  for (const { steps } of jobs) {
    const step = steps.find(({ name }) => name === 'apply-config');
    assert.equal(step?.text, 'it fetches its configuration by the token of its boot');
  }
  const { machines } = await world.state();
  assert.deepEqual(
    machines.map(({ ready, talos }) => ({ ready, talos })),
    [first, second].map(() => ({ ready: true, talos: TALOS })),
  );
  const audit = await daemon.api<{ readonly items: readonly { readonly action: string; readonly target: string }[] }>(
    'GET',
    '/api/v1/audit',
  );
  assert.ok(audit.items.some(({ action, target }) => action === 'config read' && target === 'talos'));
});
