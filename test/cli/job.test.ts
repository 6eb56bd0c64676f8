import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EXIT } from '#machines/contract/exit-status.ts';
import { inventory } from '#machines/contract/inventory.ts';
import { sampleCertificate } from '#test/services/certificates/sample.ts';
import { runningCli } from './running-cli.ts';

type Cli = Awaited<ReturnType<typeof runningCli>>;

async function withMachine(cli: Cli, name: string, index: number, signatures: readonly string[] = []): Promise<void> {
  const mac = `52:54:00:00:02:0${index}`;
  await cli.run(['machine', 'add', name, '--mac', mac]);
  await cli.api.store.inventories.put(
    name,
    inventory.parse({
      source: 'agent',
      at: cli.api.clock.now,
      system: { serial: `S${index}`, uuid: `00112233-4455-6677-8899-aabbccddee0${index}` },
      nics: [{ mac }],
      disks: [
        { name: 'sda', serial: `D${index}`, model: 'PM9A3', bytes: 480_103_981_056, signatures },
        { name: 'sdb', serial: `U${index}`, bytes: 1 << 30, removable: true },
      ],
    }),
  );
}

const digestIn = (text: string): string => /(?:digest {3}|--confirm )([0-9a-f]{64})/.exec(text)?.[1] ?? 'none';

/** As soon as so many have been asked for. */
async function forJobs({ api }: Cli, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => void (api.jobs.unfinished().length >= count && resolve());
  const stop = api.jobs.watch(look);
  look();
  await promise.finally(stop);
}

describe('destructive commands', () => {
  it('--plan shows each disk with serial, size and what is done to it, and does nothing', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1);
    const { status, out } = await cli.run(['wipe', 'r1', '--plan']);
    assert.equal(status, EXIT.done);
    assert.match(out, /ERASE\s+sda\s+D1\s+PM9A3\s+480 GB/);
    assert.match(out, /does {5}erases 1 disk: D1\n/);
    assert.match(out, /leave alone\s+sdb\s+U1.*removable/);
    assert.match(out, /boot-agent → prove-machine → wipe-disks/);
    assert.deepEqual(await cli.api.jobs.list({ limit: 10 }), []);
  });

  it('without a person it wants --yes or the digest, and begins by either', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1);
    const refused = await cli.run(['wipe', 'r1']);
    assert.equal(refused.status, EXIT.refused);
    assert.match(refused.error, /1 disk of 1 machine loses what is on it.*say --yes/s);
    const begun = await cli.run(['wipe', 'r1', '--yes']);
    assert.equal(begun.status, EXIT.done, begun.error);
    assert.match(begun.out, /r1 wipe: job [0-9a-f-]+; ingot job logs/);
  });

  it('several machines are not begun by --yes; the digest of what was shown begins them', async () => {
    await using cli = await runningCli();
    for (const index of [1, 2]) await withMachine(cli, `r${index}`, index);
    const refused = await cli.run(['wipe', 'r1..2', '--yes']);
    assert.equal(refused.status, EXIT.refused);
    assert.match(refused.error, /--yes is not enough/);
    assert.deepEqual(await cli.api.jobs.list({ limit: 10 }), []);
    const { out } = await cli.run(['wipe', 'r1..2', '--plan']);
    const digest = /--confirm ([0-9a-f]{64})/.exec(out)?.[1] ?? '';
    const begun = await cli.run(['wipe', 'r1..2', '--confirm', digest]);
    assert.equal(begun.status, EXIT.done, begun.error);
    assert.equal((await cli.api.jobs.list({ limit: 10 })).length, 2);
  });

  it('several machines are a batch: it says when it stops, is listed and called off as one, and sums up its end', async () => {
    await using cli = await runningCli();
    for (const index of [1, 2, 3]) await withMachine(cli, `r${index}`, index);
    const digest = digestIn(/all of them.*/.exec((await cli.run(['wipe', 'r1..3', '--plan'])).out)?.[0] ?? '');
    const wiping = cli.run([
      'wipe',
      'r1..3',
      '--confirm',
      digest,
      '--concurrency',
      '1',
      '--max-failures',
      '34%',
      '--wait',
    ]);
    await forJobs(cli, 3);
    const [job] = await cli.api.jobs.list({ limit: 1 });
    assert.deepEqual({ ...job?.batch, id: '' }, { id: '', size: 3, maxFailures: 1, concurrency: 1 });
    const id = job?.batch?.id ?? '';
    await cli.run(['inspect', 'r1']);
    assert.equal((await cli.run(['job', 'list', '--batch', id])).out.trim().split('\n').length, 4);
    assert.match((await cli.run(['job', 'cancel', '--batch', id])).out, /(r\d wipe: cancelled\n){3}/);
    assert.equal((await cli.run(['job', 'cancel', '--batch', 'none'])).status, EXIT.notFound);
    assert.equal((await cli.run(['job', 'cancel'])).status, EXIT.badInput);
    const { status, out, error } = await wiping;
    assert.equal(status, EXIT.failed);
    assert.match(error, /batch of 3 machines: 1 at a time, stops after 2 failures \(--max-failures\)/);
    assert.match(out, /3\/3 over: 3 cancelled\n {2}next: ingot wipe r1 r2 r3\n$/);
    const wrong = await cli.run(['inspect', 'r1..3', '--max-failures', '101%']);
    assert.equal(wrong.status, EXIT.badInput);
    assert.match(wrong.error, /got 101%, want a number of machines, or a part of them: 10%/);
    assert.match((await cli.run(['inspect', 'r1..3'])).error, /goes on after failures/);
  });

  it('a standing approval is made, listed and ended; what it does not cover is refused, and nothing is asked', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1);
    const add = ['approval', 'add', '--profile', 'p', '--machines', '2', '--days', '7'];
    assert.match((await cli.run(['approval', 'list'])).error, /nothing is approved beforehand/);
    assert.match((await cli.run(add)).error, /want --class, or labels/);
    assert.match((await cli.run([...add, '-l', 'rack=r1'])).error, /there is no profile p/);
    await cli.api.send('PUT', '/api/v1/profiles/p', { kind: 'Profile', name: 'p', os: 'disk' });
    const made = await cli.done(...add, '-l', '!x', '--reason', 'new rack');
    const id = made.out.split(':')[0] ?? '';
    assert.match(made.out, /: install of p, on 2 blank machines \(!x\), until 2023-11-21/);
    assert.match(made.error, new RegExp(`ingot install MACHINE… --approval ${id}`));
    assert.match(
      (await cli.done('approval', 'list')).out,
      new RegExp(`${id}  open   2 of 2  install  p .* !x .*new rack`),
    );
    const refused = await cli.run(['install', 'r1', '--approval', id]);
    assert.equal(refused.status, EXIT.refused);
    assert.match(refused.error, /profile p is os: disk/);
    assert.equal((await cli.run(['install', 'r1', '--approval', id, '--plan'])).status, EXIT.badInput);
    assert.match((await cli.done('approval', 'end', id)).out, /: ended by a-admin/);
    assert.match((await cli.run(['install', 'r1', '--approval', id])).error, /was ended by a-admin|os: disk/);
    assert.match((await cli.done('approval', 'list')).out, /ended/);
  });

  it('what has changed since is not confirmed by the old digest', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1);
    const { out } = await cli.run(['wipe', 'r1', '--plan']);
    await withMachine(cli, 'r1', 1, ['ext4']);
    const { status, error } = await cli.run(['wipe', 'r1', '--confirm', digestIn(out)]);
    assert.equal(status, EXIT.refused);
    assert.match(error, /not what was shown then/);
  });

  it('a member of a pool wants its serial typed', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1, ['zfs_member']);
    const { out } = await cli.run(['wipe', 'r1', '--plan']);
    assert.match(out, /needs --acknowledge D1: .*a member of a ZFS pool/);
    const without = await cli.run(['wipe', 'r1', '--confirm', digestIn(out)]);
    assert.equal(without.status, EXIT.refused);
    const begun = await cli.run(['wipe', 'r1', '--confirm', digestIn(out), '--acknowledge', 'D1']);
    assert.equal(begun.status, EXIT.done, begun.error);
  });

  it('a machine of which nobody knows the disks is refused, with what to do', async () => {
    await using cli = await runningCli();
    await cli.run(['machine', 'add', 'r1', '--mac', '52:54:00:00:02:09']);
    const { status, error } = await cli.run(['wipe', 'r1', '--yes']);
    assert.equal(status, EXIT.refused);
    assert.match(error, /no inventory from the agent.*next: ingot inspect r1/s);
  });

  it('jobs are listed, shown, followed and cancelled', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1);
    const begun = await cli.run(['wipe', 'r1', '--yes', '-o', 'json']);
    const { id } = JSON.parse(begun.out) as { id: string };
    assert.match((await cli.run(['job', 'list'])).out, new RegExp(`${id}\\s+r1\\s+wipe\\s+queued`));
    assert.match((await cli.run(['job', 'show', id])).out, /confirmed by/);
    assert.match((await cli.run(['job', 'logs', id])).out, /asked for by/);
    assert.match((await cli.run(['job', 'cancel', id])).out, /r1 wipe: cancelled/);
    assert.equal((await cli.run(['job', 'show', 'none'])).status, EXIT.notFound);
    assert.equal((await cli.run(['certificate', 'show', id])).status, EXIT.notFound);
  });

  it('certificates are listed, shown, and written as a page', async () => {
    await using cli = await runningCli();
    await withMachine(cli, 'r1', 1);
    assert.match((await cli.run(['certificate', 'list'])).out, /nothing was erased/);
    const begun = await cli.run(['wipe', 'r1', '--yes', '-o', 'json']);
    const { id } = JSON.parse(begun.out) as { id: string };
    assert.match((await cli.run(['certificate', 'show', 'r1'])).error, /no job of r1 has erased anything/);
    const job = await cli.api.jobs.cancel(id, 'test');
    assert.ok(job);
    const ended = (await cli.api.store.jobs.get(id)) ?? assert.fail('no job');
    const signed = sampleCertificate({ job: { id, kind: 'wipe', planDigest: 'd' } });
    await cli.api.store.jobs.put({ ...ended, notes: { certificate: JSON.stringify(signed) } }, ended.rev);
    assert.match(
      (await cli.run(['certificate', 'list'])).out,
      new RegExp(`${id}\\s+r1\\s+wipe\\s+1\\s+0\\s+yes\\s+anna`),
    );
    const shown = await cli.run(['certificate', 'show', 'r1', '-o', 'json']);
    assert.deepEqual(JSON.parse(shown.out), JSON.parse(JSON.stringify(signed)));
    assert.match((await cli.run(['certificate', 'key'])).out, /^[0-9a-f]{64}\n-----BEGIN PUBLIC KEY-----\n/);
    assert.match((await cli.run(['certificate', 'show', 'r1', '--html'])).out, /^<!doctype html>[^]*<\/html>\n$/);
  });

  it('a certificate is verified without a daemon; one that was changed is found out', async () => {
    await using cli = await runningCli();
    const signed = sampleCertificate();
    const file = join(cli.cwd, 'c.json');
    await writeFile(file, JSON.stringify(signed));
    const right = await cli.run(['certificate', 'verify', 'c.json'], { env: { INGOT_URL: 'http://127.0.0.1:1' } });
    assert.equal(right.status, EXIT.done, right.error);
    assert.match(right.out, /unchanged since it was signed by the key [0-9a-f]{64}/);
    const other = await cli.run(['certificate', 'verify', 'c.json', '--key', 'ff'.repeat(32)]);
    assert.equal(other.status, EXIT.failed);
    await writeFile(file, JSON.stringify(signed).replaceAll('D1', 'D2'));
    const changed = await cli.run(['certificate', 'verify', 'c.json']);
    assert.equal(changed.status, EXIT.failed);
    assert.match(changed.error, /changed after it was signed/);
  });
});
