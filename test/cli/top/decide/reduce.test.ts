import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attempt } from '#machines/contract/api/trace-resource.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { attemptJson, jobOf, machineOf, NOW, somebodyLooks } from './some-rack.ts';

const RACK = [
  machineOf('r1-u2', { rack: 'r1', unit: 2, boot: { stage: 'running', code: 'booted' } }),
  machineOf('r1-u10', { rack: 'r1', unit: 10, labels: { env: 'prod' } }),
  machineOf('r1-u1', { rack: 'r1', unit: 1, boot: { stage: 'dhcp', code: 'no-tftp', cause: 'no TFTP came' } }),
  machineOf('m-1', { acceptance: 'seen' }),
];

describe('keys of ingot top', () => {
  it('move through the racks as they stand: the highest unit on top, what has no place at the end', () => {
    const top = somebodyLooks(RACK);
    const selected = (keys: string) => (top.type(keys), top.state().selected);
    assert.equal(top.state().selected, 'r1-u10');
    assert.equal(selected('j'), 'r1-u2');
    assert.equal(selected('<down><down>'), 'm-1');
    assert.equal(selected('j'), 'm-1', 'there is no further');
    assert.equal(selected('g'), 'r1-u10');
    assert.equal(selected('G'), 'm-1');
    top.send({ kind: 'typed', text: 'kk' });
    assert.equal(top.state().selected, 'r1-u2', 'a fast hand sends two at once');
  });

  it('filter by words in names, labels and verdicts, and give back what was before', () => {
    const top = somebodyLooks(RACK);
    top.type('/no-tftp<enter>');
    assert.equal(top.state().selected, 'r1-u1');
    assert.doesNotMatch(top.text(), /^.u2 /m);
    top.type('/');
    top.send({ kind: 'typed', text: 'x\r' });
    assert.equal(top.state().overlay, undefined, 'enter came with the words');
    assert.equal(top.state().filter, 'no-tftpx');
    top.type('/<backspace><enter>');
    top.type('/<backspace>x<escape>');
    assert.equal(top.state().filter, 'no-tftp');
    top.type('<escape>/env=prod r1<enter>');
    assert.equal(top.state().selected, 'r1-u10');
    top.type('<escape>');
    assert.match(top.text(), /^.u2 /m);
  });

  it('accept at once, for no disk is touched by it, and not what is accepted', () => {
    const top = somebodyLooks(RACK);
    assert.deepEqual(top.type('Ga'), [{ kind: 'accept', machine: 'm-1' }]);
    assert.deepEqual(top.type('ga'), []);
    assert.match(top.text(), /r1-u10 is accepted already$/);
  });

  it('take power away only after a yes by name; enter is no yes', () => {
    const top = somebodyLooks(RACK);
    assert.deepEqual(top.type('jpx'), []);
    assert.match(top.text(), /r1-u2: off: shut down, then by force\?/);
    assert.deepEqual(top.type('<enter>'), []);
    assert.match(top.text(), /nothing was done/);
    assert.deepEqual(top.type('pxy'), [{ kind: 'power', machine: 'r1-u2', action: 'off', network: false }]);
    assert.deepEqual(top.type('p<enter>y'), [{ kind: 'power', machine: 'r1-u2', action: 'cycle', network: true }]);
    assert.deepEqual(top.type('po'), [{ kind: 'power', machine: 'r1-u2', action: 'on', network: false }]);
  });

  it('do nothing when something is pasted, so that no word of it acts on a machine', () => {
    const top = somebodyLooks(RACK);
    for (const text of ['pxy', 'qa', 'papa\n']) assert.deepEqual(top.send({ kind: 'typed', text }), []);
    assert.equal(top.state().overlay, undefined);
    top.type('p');
    assert.deepEqual(top.send({ kind: 'typed', text: 'oo' }), []);
  });

  it('ask for a console, and quit from the rack alone; interrupt quits from anywhere', () => {
    const top = somebodyLooks(RACK);
    assert.deepEqual(top.type('c'), [{ kind: 'console', machine: 'r1-u10' }]);
    top.type('<enter>?');
    assert.deepEqual(top.type('qq'), [{ kind: 'unfollow' }], 'help, and the machine');
    assert.deepEqual(top.type('q'), [{ kind: 'quit' }]);
    top.type('t');
    assert.deepEqual(top.type('<interrupt>'), [{ kind: 'quit' }]);
  });

  it('act on nothing where there is nothing', () => {
    const top = somebodyLooks([]);
    assert.deepEqual(top.type('jkgGatcp<enter>'), []);
    assert.match(top.text(), /No machine yet/);
  });
});

describe('what changes while one looks', () => {
  const booting = (stage: 'dhcp' | 'kernel' | 'running', code: 'in-progress' | 'booted', id = 'new') =>
    ({ kind: 'attempt', attempt: attempt.parse(attemptJson('r1-u10', { id, stage, code })) }) as const;

  it('is told once for each stage, and shown in the machine’s row', () => {
    const top = somebodyLooks(RACK);
    const before = top.state().news.length;
    const changes = [booting('dhcp', 'in-progress'), booting('dhcp', 'in-progress'), booting('kernel', 'in-progress')];
    top.send({ kind: 'changed', changes });
    top.send({ kind: 'changed', changes: [booting('running', 'booted')] });
    assert.deepEqual(
      top
        .state()
        .news.slice(before)
        .map(({ text }) => text),
      ['asked for an address', 'loads the kernel', 'booted: because'],
    );
    assert.match(top.text(), /u10 +r1-u10 +running +■■■■■■/);
  });

  it('follows the boot of the machine that is open, and the next one', () => {
    const top = somebodyLooks(RACK);
    assert.deepEqual(top.type('<enter>'), [{ kind: 'follow', machine: 'r1-u10', attempt: undefined }]);
    assert.deepEqual(top.send({ kind: 'changed', changes: [booting('dhcp', 'in-progress')] }), [
      { kind: 'follow', machine: 'r1-u10', attempt: 'new' },
    ]);
    const event = (seq: number): TraceEvent => ({
      seq,
      at: NOW + seq,
      kind: 'tftp-asked',
      file: `file-${seq}`,
      options: '',
    });
    const live = { kind: 'trace', attempt: 'new', machine: 'r1-u10', event: event(3) } as const;
    // One came by the stream before those that were read.
    top.send({ kind: 'changed', changes: [live] });
    top.send({ kind: 'traced', machine: 'r1-u10', attempt: 'new', events: [event(1), event(2)] });
    top.send({ kind: 'changed', changes: [live] });
    assert.deepEqual(
      top.state().trace?.events.map(({ seq }) => seq),
      [1, 2, 3],
    );
    top.send({ kind: 'traced', machine: 'r1-u10', attempt: 'old', events: [] });
    assert.equal(top.state().trace?.events.length, 3, 'what is late for another boot is left');
    assert.deepEqual(top.type('<escape>'), [{ kind: 'unfollow' }]);
  });

  it('shows a job with its progress, and how it ended', () => {
    const top = somebodyLooks(RACK);
    top.send({ kind: 'changed', changes: [{ kind: 'job', job: jobOf('r1-u2', 'running') }] });
    assert.match(top.text(), /jobs ─+\n r1-u2 +install +1\/1 +█+░+ write-image 42 %: of/);
    assert.match(top.text(), /1 working/);
    top.send({ kind: 'changed', changes: [{ kind: 'job', job: jobOf('r1-u2', 'failed') }] });
    assert.doesNotMatch(top.text(), /jobs ─/);
    assert.match(top.text(), /install: failed: it is over/);
  });

  it('keeps the selection on its machine, and finds another when it is gone', () => {
    const top = somebodyLooks(RACK);
    top.type('j');
    const added = machineOf('r1-u11', { rack: 'r1', unit: 11, acceptance: 'seen' });
    top.send({ kind: 'changed', changes: [{ kind: 'machine', name: 'r1-u11', machine: added }] });
    assert.equal(top.state().selected, 'r1-u2');
    assert.match(top.text(), /r1-u11 +seen for the first time/);
    top.send({ kind: 'changed', changes: [{ kind: 'machine', name: 'r1-u2', machine: null }] });
    assert.equal(top.state().selected, 'r1-u11');
    assert.match(top.text(), /r1-u2 +forgotten/);
  });

  it('is read again when some of it was missed, and says when nothing is live', () => {
    const top = somebodyLooks(RACK);
    assert.deepEqual(top.send({ kind: 'changed', changes: [{ kind: 'reset' }] }), [{ kind: 'read-all' }]);
    top.send({ kind: 'connection', connection: { kind: 'lost', because: 'ECONNREFUSED' } });
    assert.match(top.text(), /^NOT LIVE/);
    assert.match(top.text(), /the daemon does not answer \(ECONNREFUSED\); trying again$/);
  });

  it('keeps no more of the log and of jobs than it says', () => {
    const top = somebodyLooks(RACK);
    for (let index = 0; index < 700; index += 1) {
      const job = { ...jobOf('r1-u2', 'done'), id: `job-${index}`, createdAt: index };
      top.send({ kind: 'changed', changes: [{ kind: 'job', job }] });
    }
    assert.equal(top.state().news.length, 500);
    assert.equal(top.state().jobs.size, 200);
    assert.ok(top.state().jobs.has('job-699'));
  });
});
