import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { signedCertificate } from '#machines/contract/certificate.ts';
import { disksOf } from '#machines/rack/node/thin-disks.ts';
import type { MachineSpec } from '#machines/rack/spec.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import { waitFor } from '#test/lab/wait.ts';
import { openRackWorld } from './rack-world.ts';

const MACHINES = 3;
const INSTALLERS = [
  ['debian', 'url={{config.preseed}}'],
  ['ubuntu', 'ds=nocloud-net;s={{config.nocloud}}'],
  ['alpine', 'apkovl={{config.apkovl}}'],
] as const;

/** Nobody touches a machine: their simulated BMCs turn them on and restart them, and the real agent does the work. */
test('three machines at once are inspected, installed, boot their own disks, are erased, and are installed by network', async (t) => {
  await using world = await openRackWorld({ machines: MACHINES });
  t.diagnostic(world.specs.map(({ name, firmware }) => `${name} ${firmware}`).join(', '));

  assert.deepEqual(await world.run('inspect'), world.allDone());
  for (const spec of world.specs) {
    const shown = await world.daemon.api<{ status: { inventory?: unknown } }>('GET', `/api/v1/machines/${spec.name}`);
    assert.match(JSON.stringify(shown), new RegExp(`${spec.serial}-D0`));
  }

  assert.deepEqual(await world.run('install'), world.allDone());
  for (const spec of world.specs) {
    await waitFor('its own system', () => world.screenOf(spec).includes('The system on its own disk is up'), 20_000);
    assert.equal((await bytesOf(world.rackDir, spec)).readUInt16LE(510), 0xaa55);
  }

  const certificates: unknown[] = [];
  assert.deepEqual(
    await world.run('wipe', async (job) => {
      certificates.push(await world.daemon.api('GET', `/api/v1/jobs/${job.id}/certificate`));
    }),
    world.allDone(),
  );
  const serials = certificates.flatMap((one) => {
    const signed = signedCertificate.parse(one);
    assert.equal(verifyCertificate(signed).kind, 'signed');
    return signed.certificate.erased.map(({ serial }) => serial);
  });
  assert.deepEqual(
    serials.toSorted(byText),
    world.specs.flatMap((spec) => disksOf(spec).map(({ serial }) => serial)).toSorted(byText),
  );
  for (const spec of world.specs) {
    assert.ok(
      (await bytesOf(world.rackDir, spec)).every((byte) => byte === 0),
      'blank, seen from outside',
    );
  }

  // Network installers of three kinds, one on each machine: they read their answers, write the planned disk, report.
  const kinds = INSTALLERS.map(([name, args]) => ({ name, args: ['quiet', args] }));
  await world.daemon.apply(
    kinds.map((one) => ({ kind: 'Profile', os: 'installer', image: 'sim-live-x86-64', ...one })),
  );
  const nameOf = (spec: MachineSpec): string => kinds[world.specs.indexOf(spec)]?.name ?? assert.fail();
  assert.deepEqual(await world.run('install', undefined, nameOf), world.allDone());
  for (const spec of world.specs) {
    const [first] = disksOf(spec);
    const wanted = `Installed on ${first?.name} (${first?.serial})`;
    assert.ok(world.screenOf(spec).includes(wanted), world.screenOf(spec).join('\n'));
    await waitFor(
      'its own system',
      () => world.screenOf(spec).lastIndexOf('The system on its own disk is up') > world.screenOf(spec).indexOf(wanted),
      20_000,
    );
    assert.equal((await bytesOf(world.rackDir, spec)).readUInt16LE(510), 0xaa55);
  }
});

const byText = (a = '', b = ''): number => (a < b ? -1 : Number(a > b));

/** The first 8 MiB of its system's disk, more than an image has. */
async function bytesOf(rackDir: string, spec: MachineSpec): Promise<Buffer> {
  const file = await open(join(rackDir, 'nodes', spec.name, 'disks', disksOf(spec)[0]?.name ?? ''));
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(8 << 20), position: 0 });
    return buffer;
  } finally {
    await file.close();
  }
}
