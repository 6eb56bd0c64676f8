import assert from 'node:assert/strict';
import { signedCertificate } from '#machines/contract/certificate.ts';
import type { Job } from '#machines/contract/job.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import { FAULTS, FAULTY_KINDS, faultWorld } from './fault-world.ts';
import { ended } from './job-world.ts';

const MIB = 1 << 20;
const isBlank = (bytes: Buffer): boolean => bytes.equals(Buffer.alloc(bytes.length));
const isKnown = (because: string): boolean =>
  Object.values(FAULTS).some((text) => (typeof text === 'string' ? because.includes(text) : text.test(because)));

/**
 * So many jobs at once, of each kind that writes, with faults. Each must end: as done, with its disks as they were planned; or as failed, by what
 * went wrong on purpose and after all its tries, with nothing on the disk that boots half. Gives a line that says what
 * happened.
 */
export async function faultyJobs(options: {
  readonly machines: number;
  readonly rate: number;
  readonly seed: number;
}): Promise<string> {
  await using world = await faultWorld(options);
  const { image } = world;
  const results = await Promise.all(
    world.machines.map(async (machine, index) => {
      const kind = FAULTY_KINDS[index % FAULTY_KINDS.length] ?? 'install';
      const kept = await world.content(machine, 'sdc');
      const old = await world.content(machine, 'sdb');
      const job = await ended(world.jobs, (await world.submit(machine, kind)).id);
      const sda = await world.content(machine, 'sda');
      const sdb = await world.content(machine, 'sdb');
      const told = `seed ${options.seed}, ${machine.name}: ${kind} ${job.state}: ${job.result?.because ?? ''}\ninjected: ${machine.injected.join(', ')}`;
      const say = (what: string): string => `${what}; ${told}`;

      assert.deepEqual(machine.wrong, [], told);
      assert.ok(kept.equals(await world.content(machine, 'sdc')), say('a disk to keep was written'));
      const isWhole = sda.subarray(0, image.length).equals(image);
      if (sda.subarray(0, MIB).equals(image.subarray(0, MIB))) assert.ok(isWhole, say('half an image boots'));
      if (kind === 'install') assert.ok(old.equals(sdb), say('a disk that was not planned was written'));
      if (job.state === 'done') {
        if (kind === 'retire') assert.ok(isBlank(sda), say('not blank'));
        else assert.ok(isWhole, say('the image is not there'));
        if (kind !== 'install') {
          assert.ok(isBlank(sdb), say('not blank'));
          assertCertified(job, machine.name, told);
        }
      } else {
        assert.equal(job.state, 'failed', told);
        assert.ok(isKnown(job.result?.because ?? ''), say('it failed by something else'));
        const step = job.steps.find(({ state }) => state === 'failed');
        const its = machine.injected.filter((one) => one.startsWith(`${step?.name}: `));
        assert.equal(its.length, step?.tries, say('it gave up before its last try'));
        assert.match(job.result?.because ?? '', /\([35] tries\)$/, told);
      }
      assert.deepEqual(world.jobs.unfinishedOf(machine.name), [], told);
      return { isDone: job.state === 'done', injected: machine.injected.length };
    }),
  );
  const done = results.filter(({ isDone }) => isDone).length;
  const faults = results.reduce((sum, { injected }) => sum + injected, 0);
  assert.ok(faults > 0, `seed ${options.seed}: nothing went wrong`);
  return `seed ${options.seed}: ${done} of ${results.length} done, the others failed by what was injected; ${faults} faults`;
}

function assertCertified(job: Job, name: string, told: string): void {
  const signed = signedCertificate.parse(JSON.parse(job.notes['certificate'] ?? 'null'));
  assert.equal(verifyCertificate(signed).kind, 'signed', told);
  const serials = signed.certificate.erased.map(({ serial }) => serial);
  assert.deepEqual(serials, [`${name}-sda`, `${name}-sdb`], told);
}
