import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runningCli } from './running-cli.ts';

const SECRET = 'correct-horse';
const DOCUMENT = `kind: credentials
name: rack1
labels: { rack: r1 }
username: admin
password: { from: { file: rack1.secret } }
rotateDays: 90
`;

/** The command line in a folder that holds a document and the secret that it names. */
async function withDocument(text = DOCUMENT) {
  const cli = await runningCli();
  await writeFile(join(cli.cwd, 'rack.yaml'), text);
  await writeFile(join(cli.cwd, 'rack1.secret'), `${SECRET}\n`, { mode: 0o600 });
  return cli;
}

describe('a Credential document', () => {
  it('is sealed by apply, and nothing that is shown or stored in the open holds its secret', async () => {
    await using cli = await withDocument();
    const { out } = await cli.done('apply', '-f', 'rack.yaml');
    assert.equal(out, '+ Credential rack1 created\n1 created\n');
    assert.equal((await cli.done('apply', '-f', 'rack.yaml')).out, '1 unchanged\n');
    const shown = [
      await cli.done('get', 'credential', 'rack1'),
      await cli.done('get', 'credentials', '-o', 'json'),
      await cli.done('get', 'credentials'),
      await cli.done('bmc', 'credentials', 'list', '-o', 'json'),
      await cli.done('audit', '-o', 'json'),
    ];
    for (const { out: text, error } of shown) assert.doesNotMatch(text + error, new RegExp(SECRET));
    assert.match(shown[0]?.out ?? '', /^password: "\*\*\*"$/m);
    const [, , , , audit] = shown;
    assert.match(audit?.out ?? '', /credential rack1 created/);
    // What is in the documents' tables and what is not: the value is in the vault alone.
    assert.deepEqual(
      (await cli.api.store.documents.all()).filter(({ document }) => JSON.stringify(document).includes('rack1')),
      [],
    );
  });

  it('and the command say alike how passwords are looked after; what the command does not say stays', async () => {
    await using cli = await withDocument();
    const set = (...more: readonly string[]) =>
      cli.done('bmc', 'credentials', 'set', 'rack1', '--username', 'admin', '--password-file', 'rack1.secret', ...more);
    const shown = async () => (await cli.done('get', 'credential', 'rack1')).out;
    await set('--rotate-days', '30', '--own-user');
    assert.match(await shown(), /rotateDays: 30\nownUser: true\n/);
    await set();
    assert.match(await shown(), /rotateDays: 30\nownUser: true\n/);
    await set('--no-own-user');
    assert.match(await shown(), /rotateDays: 30\nownUser: false\n/);
    const wrong = await cli.run(['bmc', 'credentials', 'set', 'rack1', '--username', 'x', '--rotate-days', '0']);
    assert.equal(wrong.status, 2);
    assert.match(wrong.error, /--rotate-days/);
  });

  it('takes back what get gives, and keeps the sealed secret', async () => {
    await using cli = await withDocument();
    await cli.done('apply', '-f', 'rack.yaml');
    const { out } = await cli.done('get', 'credential', 'rack1');
    assert.equal((await cli.run(['apply', '-f', '-'], { input: out })).out, '1 unchanged\n');
    const other = out.replace('username: admin', 'username: root');
    assert.equal(
      (await cli.run(['diff', '-f', '-'], { input: other })).out,
      '~ Credential rack1 changed: username\n    username: "admin" → "root"\n',
    );
  });

  it('differs by its secret without telling it', async () => {
    await using cli = await withDocument();
    await cli.done('apply', '-f', 'rack.yaml');
    assert.deepEqual(await cli.run(['diff', '-f', 'rack.yaml']), { status: 0, out: '', error: '' });
    await writeFile(join(cli.cwd, 'rack1.secret'), 'another');
    const { out, status } = await cli.run(['diff', '-f', 'rack.yaml']);
    assert.equal(status, 1);
    assert.equal(out, '~ Credential rack1 changed: password\n    password: "***" → "*** (another one)"\n');
  });

  it('never stands in plain, and the secret is not repeated when it does', async () => {
    const wrong: readonly (readonly [text: string, want: RegExp])[] = [
      [`password: ${SECRET}`, /rack\.yaml:5:1: password: got something else, want from: \{ file: FILE \}/],
      ['password: 12345678', /want from: \{ file: FILE \}/],
      [
        'password: { from: { file: nothing.secret } }',
        /rack\.yaml:5:\d+: Credential rack1: password: there is no file/,
      ],
      ['password: { from: { env: RACK1_PASSWORD } }', /the variable RACK1_PASSWORD is not set/],
      ['passwort: { from: { env: X } }', /passwort: unknown key; did you mean password\?/],
      ['password: "***"', /there is no sealed password that could stay/],
    ];
    await using cli = await withDocument();
    for (const [line, want] of wrong) {
      await writeFile(join(cli.cwd, 'rack.yaml'), DOCUMENT.replace('password: { from: { file: rack1.secret } }', line));
      const { error, status } = await cli.run(['apply', '-f', 'rack.yaml']);
      assert.equal(status, 2, line);
      assert.match(error, want);
      assert.doesNotMatch(error, /correct-horse|12345678/);
    }
    assert.deepEqual(await cli.api.bmcs.service.credentials.list(), []);
  });

  it('comes from the environment where it says so, before the machine of the same file that names it', async () => {
    await using cli = await withDocument(
      DOCUMENT.replace('{ file: rack1.secret }', '{ env: RACK1 }').concat(
        '---\nkind: Machine\nname: a\nbmc: { type: redfish, address: "https://192.0.2.1", credential: rack1 }\n',
      ),
    );
    const { out, error } = await cli.run(['apply', '-f', 'rack.yaml'], { env: { RACK1: SECRET } });
    assert.equal(out, '+ Credential rack1 created\n+ Machine a created\n2 created\n', error);
  });

  it('is pruned with its file, but never while a machine that stays names it', async () => {
    await using cli = await withDocument(`${DOCUMENT}---\nkind: Machine\nname: b\n`);
    await cli.done('apply', '-f', 'rack.yaml');
    await writeFile(
      join(cli.cwd, 'other.yaml'),
      'kind: Machine\nname: a\nbmc: { type: redfish, address: "https://192.0.2.1", credential: rack1 }\n',
    );
    await cli.done('apply', '-f', 'other.yaml');
    await writeFile(join(cli.cwd, 'rack.yaml'), 'kind: Machine\nname: b\n');
    assert.match(
      (await cli.done('apply', '-f', 'rack.yaml', '--prune')).out,
      /^= Credential rack1 kept \(it is named by a\)$/m,
    );
    await cli.done('delete', 'machine', 'a', '--yes');
    const tried = await cli.done('apply', '-f', 'rack.yaml', '--prune', '--dry-run');
    assert.match(tried.out, /^- Credential rack1 removed$/m);
    assert.equal((await cli.api.bmcs.service.credentials.list()).length, 1, 'a dry run forgets nothing');
    await cli.done('apply', '-f', 'rack.yaml', '--prune');
    assert.deepEqual(await cli.api.bmcs.service.credentials.list(), []);
  });
});
