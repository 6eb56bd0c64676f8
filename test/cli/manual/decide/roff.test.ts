import assert from 'node:assert/strict';
import { it } from 'node:test';
import { manualPages, roff } from '../../../../cli/manual/decide/roff.ts';

it('leaves nothing in a text that roff takes for its own', () => {
  for (const [text, want] of [
    ['--help', '\\-\\-help'],
    ['.so /etc/passwd', '\\&.so /etc/passwd'],
    ["'tis", '\\(aqtis'],
    ['a\\fBb', 'a\\(rsfBb'],
    ['~^`', '\\(ti\\(ha\\(ga'],
    ['a\n.b', 'a\n\\&.b'],
  ] as const) {
    assert.equal(roff(text), want);
  }
});

it('has a page for the program and one for each command; groups have their commands inside', () => {
  const leaf = { aliases: [], description: 'It does.', arguments: [], options: [], commands: [], after: '' };
  const list = { ...leaf, name: 'list', summary: 'all' };
  const pages = manualPages(
    {
      ...leaf,
      name: 'ingot',
      summary: 'Boots.',
      commands: [
        { ...leaf, name: 'top', summary: 'the rack', after: 'Examples:\n  ingot top' },
        { ...leaf, name: 'job', summary: 'jobs', commands: [list] },
      ],
    },
    { version: '1.2.3', date: '2026-01-02', exitStatus: [[0, 'done']] },
  );
  assert.deepEqual(
    pages.map(({ file }) => file),
    ['ingot.1', 'ingot-top.1', 'ingot-job.1'],
  );
  assert.match(pages[0]?.text ?? '', /^\.TH INGOT 1 "2026-01-02" "ingot 1\.2\.3"/);
  assert.match(pages[0]?.text ?? '', /\.SH SEE ALSO\n\.BR ingot\\-top \(1\),\n\.BR ingot\\-job \(1\)\n$/);
  assert.match(pages[1]?.text ?? '', /\.nf\nExamples:\n {2}ingot top\n\.fi/);
  assert.match(pages[2]?.text ?? '', /\.SS ingot job list\nIt does\./);
});
