import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signedCertificate } from '#machines/contract/certificate.ts';
import type { Job } from '#machines/contract/job.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import { ended, INVENTORY, jobWorld, when } from './job-world.ts';

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
const stepText = (job: Job, name: string): string => job.steps.find((one) => one.name === name)?.text ?? '';

describe('jobs over the agent', { timeout: 60_000, concurrency: 4 }, () => {
  it('wipe: every planned disk is blank, and a signed certificate says so', async () => {
    await using world = await jobWorld();
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await world.submit(jobs, 'wipe')).id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.ok(isBlank(await world.agent.content('sda')));
    assert.ok(isBlank(await world.agent.content('sdb')));
    const signed = signedCertificate.parse(JSON.parse(job.notes['certificate'] ?? ''));
    assert.equal(verifyCertificate(signed).kind, 'signed');
    assert.deepEqual(
      signed.certificate.erased.map(({ serial, method }) => [serial, method]),
      [
        ['S-sda', 'zero-overwrite'],
        ['S-sdb', 'zero-overwrite'],
      ],
    );
    assert.ok(signed.certificate.complete);
    const forged = { ...signed, certificate: { ...signed.certificate, site: 'elsewhere' } };
    assert.equal(verifyCertificate(forged).kind, 'wrong');
  });

  it('a disk to keep is untouched, and stands on the certificate as not erased', async () => {
    await using world = await jobWorld();
    const before = await world.agent.content('sdb');
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await world.submit(jobs, 'wipe', { keep: ['S-sdb'] })).id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.ok(before.equals(await world.agent.content('sdb')));
    const { certificate } = signedCertificate.parse(JSON.parse(job.notes['certificate'] ?? ''));
    assert.deepEqual(
      certificate.notErased.map(({ serial }) => serial),
      ['S-sdb'],
    );
    assert.equal(certificate.complete, false);
  });

  it('drives that the agent cannot reach fail the wipe, and stand on its certificate', async () => {
    const hidden = { serial: 'HIDDEN01', bytes: 2 ** 30, location: 'Bay 4', removable: false, readonly: false };
    const outOfBand = { ...INVENTORY, source: 'bmc' as const };
    await using world = await jobWorld({
      outOfBand: { ...outOfBand, disks: [...INVENTORY.disks, { ...hidden, signatures: [] }] },
    });
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await world.submit(jobs, 'wipe')).id);
    assert.equal(job.state, 'failed');
    assert.match(job.result?.because ?? '', /2 disks erased; 1 left .*cannot reach it: Bay 4 \(HIDDEN01\)/);
    assert.ok(isBlank(await world.agent.content('sda')));
    const { certificate } = signedCertificate.parse(JSON.parse(job.notes['certificate'] ?? ''));
    assert.deepEqual([certificate.erased.length, certificate.complete], [2, false]);
    assert.deepEqual(
      certificate.notErased.map(({ name, serial }) => [name, serial]),
      [['Bay 4', 'HIDDEN01']],
    );
  });

  it('install: the image is on the named disk, nothing on the other, and the machine goes to its own disk', async () => {
    await using world = await jobWorld();
    const other = await world.agent.content('sdb');
    const { jobs } = await world.daemon();
    const { id } = await world.submit(jobs, 'install');
    await when(jobs, id, ({ steps }) => steps.find(({ name }) => name === 'boot-disk')?.state === 'running');
    world.agent.letGo();
    assert.equal(await world.agent.machine.restarted, 'reboot');
    world.live.left('m1', 'attempt-1');
    const job = await ended(jobs, id);
    assert.equal(job.state, 'done', job.result?.because);
    const content = await world.agent.content('sda');
    assert.ok(content.subarray(0, world.image.bytes.length).equals(world.image.bytes));
    assert.ok(other.equals(await world.agent.content('sdb')));
    assert.deepEqual(world.agent.fetched, [`/agent/images/${world.image.sha256}`]);
  });

  it('another machine answers: nothing is written, and the job says which', async () => {
    const answers = { ...INVENTORY, system: { serial: 'SN2', uuid: '11111111-4455-6677-8899-aabbccddeeff' } };
    await using world = await jobWorld({ answers });
    const before = await world.agent.content('sda');
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await world.submit(jobs, 'wipe')).id);
    assert.equal(job.state, 'failed');
    assert.match(job.result?.because ?? '', /another machine answers: uuid 11111111/);
    assert.ok(before.equals(await world.agent.content('sda')));
  });

  it('what was locked while its job waited is not written', async () => {
    await using world = await jobWorld({ isLocked: true });
    const before = await world.agent.content('sda');
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await world.submit(jobs, 'wipe')).id);
    assert.equal(job.state, 'failed');
    assert.match(job.result?.because ?? '', /prove-machine: m1: it is locked; nothing was done to its disks/);
    assert.ok(before.equals(await world.agent.content('sda')));
  });

  it('a planned disk was exchanged: nothing is written to any of them', async () => {
    const answers = {
      ...INVENTORY,
      disks: INVENTORY.disks.map((disk) => (disk.name === 'sdb' ? { ...disk, serial: 'S-new' } : disk)),
    };
    await using world = await jobWorld({ answers });
    const before = await world.agent.content('sda');
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await world.submit(jobs, 'wipe')).id);
    assert.equal(job.state, 'failed');
    assert.match(job.result?.because ?? '', /S-sdb\) is not there any more/);
    assert.ok(before.equals(await world.agent.content('sda')));
  });

  it('a plan that nobody confirmed is not executed, whoever put the job there', async () => {
    await using world = await jobWorld();
    const { jobs } = await world.daemon();
    const { plan } = await world.submit(jobs, 'wipe');
    assert.ok(plan);
    const confirmed = { by: 'anna', at: 0, digest: 'another', said: [] };
    const job = await ended(jobs, (await jobs.submit({ kind: 'wipe', machine: 'm1', by: 'anna', plan, confirmed })).id);
    assert.equal(job.state, 'failed');
    assert.match(job.result?.because ?? '', /nobody confirmed/);
  });

  for (const step of ['boot-agent', 'prove-machine', 'wipe-disks', 'write-image'] as const) {
    it(`the daemon ends during ${step} and comes back: the job ends right, and nothing is begun twice`, async () => {
      await using world = await jobWorld();
      const first = await world.daemon();
      const { id } = await world.submit(first.jobs, 'reprovision');
      await when(first.jobs, id, ({ steps }) => steps.some(({ name, state }) => name === step && state === 'running'));
      await first.stop();
      const { jobs } = await world.daemon();
      await when(jobs, id, ({ steps }) => steps.find(({ name }) => name === 'boot-disk')?.state === 'running');
      world.agent.letGo();
      await world.agent.machine.restarted;
      world.live.left('m1', world.live.of('m1')?.attempt ?? '');
      const job = await ended(jobs, id);
      assert.equal(job.state, 'done', job.result?.because);
      const content = await world.agent.content('sda');
      assert.ok(content.subarray(0, world.image.bytes.length).equals(world.image.bytes));
      assert.ok(isBlank(await world.agent.content('sdb')));
      assert.equal(world.agent.fetched.length, 1, 'the image was read once');
      assert.equal(world.netboots.length, 1, 'the machine was restarted once');
    });
  }

  it('inspect: an inventory and nothing else', async () => {
    await using world = await jobWorld();
    const before = await world.agent.content('sda');
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await jobs.submit({ kind: 'inspect', machine: 'm1', by: 'anna' })).id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.match(stepText(job, 'take-inventory'), /2 disks/);
    assert.equal(world.inventories.get('m1')?.system.serial, 'SN1');
    assert.ok(before.equals(await world.agent.content('sda')));
    assert.deepEqual(world.permitted, [`m1 by job:${job.id}`]);
  });

  it('an agent that is there already is not booted again', async () => {
    await using world = await jobWorld();
    world.registers('attempt-0');
    const { jobs } = await world.daemon();
    const job = await ended(jobs, (await jobs.submit({ kind: 'inspect', machine: 'm1', by: 'anna' })).id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.deepEqual(world.netboots, []);
  });
});
