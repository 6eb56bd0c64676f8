import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { displayWidth } from '#machines/values/display-width.ts';
import { jobOf, machineOf, NOW, somebodyLooks } from './some-rack.ts';

const many = Array.from({ length: 60 }, (_, index) =>
  machineOf(`r${1 + Math.floor(index / 30)}-u${index}`, {
    rack: `r${1 + Math.floor(index / 30)}`,
    unit: (index % 30) + 1,
    power: 'on',
    boot: { stage: 'kernel', code: 'kernel-missing', cause: '日本 \u001b[2J a long cause '.repeat(20) },
  }),
);

describe('the screen of ingot top', () => {
  it('is as many lines as there are rows, and none is wider than the terminal, whatever is shown', () => {
    for (const [columns, rows] of [
      [40, 10],
      [80, 24],
      [81, 25],
      [132, 43],
      [250, 80],
      [20, 5],
    ] as const) {
      for (const keys of ['', '<enter>', 't', '?', 'p', 'px', '/abc', '<enter>jjjjjj', 'G', 'tg']) {
        const top = somebodyLooks(many, { columns, rows });
        top.send({ kind: 'changed', changes: [{ kind: 'job', job: jobOf('r1-u2', 'running') }] });
        top.type(keys);
        const lines = top.lines();
        assert.equal(lines.length, rows, `${columns}x${rows} ${keys}`);
        for (const line of lines) assert.ok(displayWidth(line) <= columns, `${columns}x${rows} ${keys}: ${line}`);
        // oxlint-disable-next-line no-control-regex -- what machines say must not reach the terminal as it is
        assert.doesNotMatch(lines.join(''), /[\u0000-\u001f\u007f]/);
      }
    }
  });

  it('keeps the selected machine in sight, and counts what does not fit', () => {
    const top = somebodyLooks(many);
    assert.match(top.text(), /… \d+ lines below/);
    top.type('<page-down><page-down>');
    assert.match(top.text(), /^>/m);
    assert.match(top.text(), /… \d+ lines above/);
    top.type('G');
    assert.match(top.text(), /^>u1 +r2-u30 /m);
    assert.doesNotMatch(top.text(), /lines below/);
  });

  it('has the verdict of a machine on top, then what to do, then how long each part took', () => {
    const top = somebodyLooks([machineOf('a', { boot: { stage: 'loader', code: 'no-tftp', cause: 'no TFTP came' } })]);
    top.type('<enter>');
    top.send({
      kind: 'traced',
      machine: 'a',
      attempt: 'a-1',
      events: [
        { seq: 1, at: NOW, kind: 'dhcp-silent', xid: 1, code: 'limit', because: '' },
        { seq: 2, at: NOW + 500, kind: 'tftp-asked', file: 'f', options: '' },
        { seq: 3, at: NOW + 1000, kind: 'tftp-refused', file: 'f', because: 'gone' },
      ],
    });
    assert.match(
      top.text(),
      /no-tftp {2}at stage loader\n +no TFTP came\n +next: try this\n\n boot of .*1\.0 s, 3 events\n +dhcp +█+ +500 ms\n +loader +█+ +500 ms\n/,
    );
    assert.match(top.text(), /\+1\.00s {2}TFTP +f refused: gone/);
  });

  it('draws with ASCII where the terminal knows no more', () => {
    const top = somebodyLooks([machineOf('a', { boot: { stage: 'kernel', code: 'kernel-missing' } })], {
      unicode: false,
    });
    top.send({ kind: 'changed', changes: [{ kind: 'job', job: jobOf('a', 'running') }] });
    assert.match(top.text(), /####\.\./);
    assert.match(top.text(), /^[\x20-\x7e\n]*$/);
  });
});
