import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readText, stepsOf, textOf, wrongOf } from '../../web/documents/read-text.ts';
import { TEMPLATES } from '../../web/documents/templates.ts';

const MACHINE = `kind: Machine
name: r1-u1
macs:
  - 52:54:00:00:00:01
  - 52:54:00:00:00
profil: rescue
`;

describe('a document that is typed', () => {
  it('is told what is wrong at its lines, with the nearest known key', () => {
    const read = readText(MACHINE, { kind: 'Machine' });
    assert.equal(read.kind, 'wrong');
    const wrong = read.kind === 'wrong' ? read.wrong : [];
    assert.deepEqual(
      wrong.map(({ line }) => line),
      [5, 6],
    );
    assert.match(wrong[1]?.text ?? '', /did you mean profile/);
  });

  it('is of the kind and the name that was opened', () => {
    const other = readText('name: other\nkind: Machine\n', { kind: 'Machine', name: 'r1-u1' });
    assert.deepEqual(other.kind === 'wrong' && other.wrong.map(({ line }) => line), [1]);
    const kind = readText('name: r1-u1\nkind: Class\nprofile: x\n', { kind: 'Machine' });
    assert.deepEqual(kind.kind === 'wrong' && kind.wrong.map(({ line }) => line), [2]);
    assert.equal(
      readText('kind: Class\nname: a\nprofile: x\n---\nkind: Class\nname: b\nprofile: x\n', { kind: 'Class' }).kind,
      'wrong',
    );
  });

  it('comes back as it was written', () => {
    for (const [kind, text] of Object.entries(TEMPLATES)) {
      const read = readText(text, { kind: kind as keyof typeof TEMPLATES });
      assert.equal(read.kind, 'document', `${kind}: ${JSON.stringify(read)}`);
      if (read.kind !== 'document') continue;
      const again = readText(textOf(read.document), { kind: kind as keyof typeof TEMPLATES });
      assert.deepEqual(again.kind === 'document' && again.document, read.document);
    }
  });

  it('shows what the daemon refuses at the line that its pointer is about', () => {
    const read = readText(MACHINE.replace('profil:', 'profile:').replace('00:00\n', '00:00:02\n'), { kind: 'Machine' });
    assert.ok(read.kind === 'document');
    const wrong = wrongOf(
      [
        { in: 'body', path: 'macs[1]', pointer: '#/macs/1', text: 'is r1-u2’s' },
        { in: 'body', path: 'documents[0].profile', text: 'there is no profile rescue' },
      ],
      read.at,
    );
    assert.deepEqual(wrong, [
      { line: 5, text: 'macs[1]: is r1-u2’s' },
      { line: 6, text: 'profile: there is no profile rescue' },
    ]);
    assert.deepEqual(stepsOf('#/labels/a~1b%20c/0'), ['labels', 'a/b c', 0]);
  });
});
