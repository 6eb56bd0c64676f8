import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { job } from '#machines/contract/job.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { restoreBackup } from '#server/backup/restore-backup.ts';
import { runRestore } from '#server/backup/run-backup.ts';
import { defaultConfig } from '#server/config/parse-config.ts';
import { encryptAge } from '#services/backup/age.ts';
import { newAgeKey, parseAgeIdentities, parseAgeRecipient } from '#services/backup/age-keys.ts';
import { writeArchive } from '#services/backup/archive.ts';
import { openBootTokens } from '#services/boot-tokens/boot-tokens.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { openVault } from '#services/vault/vault.ts';
import { startDaemon } from '#test/harness/daemon.ts';
import { need } from '#test/lab/need.ts';
import { ROOT } from '#test/project/source-files.ts';
import { lease, machine } from '#test/services/store/conformance.ts';

const MAC = sure(parseMacAddress('52:54:00:00:00:01'));
const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
const CREDENTIAL = 'credential/rack1';
const PASSWORD = 'sesame-open-99';

type Ended = { readonly status: unknown; readonly error: string };

function ingot(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = [join(ROOT, 'server/main.ts'), ...args];
    execFile(process.execPath, command, { cwd, timeout: 60_000 }, (failure, _out, error) =>
      resolve({ status: failure === null ? 0 : failure.code, error }),
    );
  });
}

/** The same within this process. */
async function restore(cwd: string, file: string): Promise<Ended> {
  const said: string[] = [];
  const config = { ...defaultConfig(cwd), dataDir: join(cwd, 'data') };
  const status = await runRestore(
    { file, identityFile: '../key', passphraseFile: undefined },
    {
      config,
      cwd,
      credentialsDir: undefined,
      stdin: process.stdin,
      stdout: process.stdout,
      say: (line) => void said.push(line),
      signal: new AbortController().signal,
      now: Date.now,
      random: randomBytes,
      note: () => assert.fail('nothing is put in place'),
    },
  );
  return { status, error: said.join('\n') };
}

const openFrom = async (dataDir: string) => {
  const store = await openSqliteStore({ dir: dataDir });
  const vault = await openVault({ secrets: store.secrets, dataDir, credentialsDir: undefined, random: randomBytes });
  return { store, vault };
};

describe('a backup', { timeout: 120_000 }, () => {
  let folder = '';
  let backup = '';
  let token = '';
  const key = newAgeKey(randomBytes);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingot-backup-'));
    writeFileSync(join(folder, 'key'), `${key.identity}\n`, { mode: 0o600 });
    writeFileSync(join(folder, 'passphrase'), 'correct horse battery staple\n');
    writeFileSync(join(folder, 'ingot.yaml'), 'site: first\ndataDir: ./old\n');
    const dataDir = join(folder, 'old');
    const { store, vault } = await openFrom(dataDir);
    await using kept = store;
    await vault.write(CREDENTIAL, PASSWORD);
    await kept.machines.put(machine('r1-u1', MAC), 0);
    await kept.grants.put({ id: 'g1', machine: 'r1-u1', profile: 'p', createdAt: Date.now(), by: 'operator' });
    const tokens = await openBootTokens({
      vault,
      random: randomBytes,
      now: Date.now,
      failed: (error) => assert.fail(String(error)),
    });
    const issued = await tokens.issue({ attempt: ATTEMPT, mac: MAC, forJob: true });
    assert.ok(issued.kind === 'issued');
    token = issued.token;
    const asked = {
      kind: 'inspect',
      machine: 'r1-u1',
      state: 'running',
      by: 'operator',
      createdAt: Date.now(),
      rev: 0,
    };
    await kept.jobs.put(job.parse({ ...asked, id: 'j1', steps: [{ name: 'boot-agent', state: 'running' }] }), 0);
    for (const [place, text] of [
      ['operator.token', 'ingot_old'],
      ['images/large', 'x'.repeat(5000)],
      ['own/place.pem', 'kept, although nobody knows it'],
    ] as const) {
      mkdirSync(join(dataDir, place, '..'), { recursive: true });
      writeFileSync(join(dataDir, place), text);
    }
    // The store is held and written to meanwhile, as by a daemon.
    const stop = new AbortController();
    const writing = (async () => {
      for (let number = 0; !stop.signal.aborted; number = (number + 1) % 1000)
        await kept.leases.bind(lease({ key: String(number) }));
    })();
    backup = join(folder, 'b.age');
    const made = await ingot(folder, 'backup', '--config', 'ingot.yaml', '--recipient', key.recipient, '-o', backup);
    stop.abort();
    await writing;
    assert.equal(made.status, 0, made.error);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('leaves nothing of the database behind, and holds no readable secret', () => {
    assert.deepEqual(
      readdirSync(join(folder, 'old')).filter((name) => name.startsWith('.')),
      [],
    );
    const bytes = readFileSync(backup);
    for (const secret of [PASSWORD, token, 'SQLite format 3', 'ingot.yaml']) assert.equal(bytes.indexOf(secret), -1);
  });

  test('restored on another machine: secrets open, jobs are parked, boot tokens are void, old tokens do not let in', async () => {
    const directory = join(folder, 'other');
    mkdirSync(join(directory, 'data'), { recursive: true });
    const restored = await ingot(directory, 'restore', backup, '--identity', join(folder, 'key'), '--data', 'data');
    assert.equal(restored.status, 0, restored.error);
    assert.match(readFileSync(join(directory, 'data/ingot.yaml.restored'), 'utf8'), /site: first/);
    const kept = join(directory, 'data/files.restored/own/place.pem');
    assert.equal(readFileSync(kept, 'utf8'), 'kept, although nobody knows it');
    for (const none of ['images', 'operator.token', '.restoring']) {
      assert.equal(existsSync(join(directory, 'data', none)), false, none);
    }
    const config = { boot: { listen: '127.0.0.1:0' } };
    await using daemon = await startDaemon({ directory, config });
    const parked = await daemon.api<{ state: string; result: { because: string } }>('GET', '/api/v1/jobs/j1');
    assert.equal(parked.state, 'failed');
    assert.match(parked.result.because, /^parked: restored from the backup of /);
    assert.notEqual(daemon.token, 'ingot_old');
    const machines = await daemon.api<{ items: readonly { name: string }[] }>('GET', '/api/v1/machines');
    assert.deepEqual(
      machines.items.map(({ name }) => name),
      ['r1-u1'],
    );
    const plane = /machine=(\S+)/.exec(daemon.output())?.[1] ?? '';
    const answer = await fetch(`${plane}/m/${token}/nocloud/user-data`);
    assert.equal(answer.status, 404);
    const { items } = await daemon.api<{ items: readonly { action: string; detail: string }[] }>(
      'GET',
      '/api/v1/audit',
    );
    assert.equal(items.find(({ action }) => action === 'config refused')?.detail, 'no boot has such a token');
    assert.match(
      items.find(({ action }) => action === 'voidAll')?.detail ?? '',
      /^restored from .*: 1 jobs parked; void: 1 grants, .*1 boot tokens/,
    );
    await daemon.stop();
    assert.equal(existsSync(join(directory, 'data/restored.json')), false);
    const { store, vault } = await openFrom(join(directory, 'data'));
    await using opened = store;
    assert.equal(await vault.read(CREDENTIAL), PASSWORD);
    assert.deepEqual(await opened.grants.recent(Date.now() + 1), []);
  });

  for (const [name, file, inTheWay, status, text] of [
    [
      'into a directory that has something',
      () => backup,
      true,
      5,
      /is not empty: it has mine; want an empty directory/,
    ],
    ['of which the end is missing', () => cut('cut.age', 70_000), false, 2, /cut\.age: is cut off: its end is missing/],
    ['of which a byte was changed', () => changed('changed.age'), false, 2, /changed\.age: is damaged/],
    ['that is no backup', () => join(folder, 'ingot.yaml'), false, 2, /ingot\.yaml: is no age file/],
  ] as const) {
    test(`${name} is not restored, and nothing is left`, async () => {
      const directory = await mkdtemp(join(folder, 'refused-'));
      mkdirSync(join(directory, 'data'));
      if (inTheWay) writeFileSync(join(directory, 'data/mine'), '');
      const ended = await restore(directory, file());
      assert.equal(ended.status, status, ended.error);
      assert.match(ended.error, text);
      assert.deepEqual(readdirSync(join(directory, 'data')), inTheWay ? ['mine'] : []);
    });
  }

  /** What anybody can make who knows the public key: an archive of these paths, sealed for it. */
  async function sealed(paths: readonly string[], change: (archive: Buffer) => Uint8Array = (archive) => archive) {
    const recipient = parseAgeRecipient(key.recipient);
    assert.ok(recipient);
    const manifest = { format: 1, version: '0', madeAt: new Date(0).toISOString(), site: 's', host: 'h' };
    const content = new TextEncoder().encode(JSON.stringify({ ...manifest, store: 'postgres', images: false }));
    const entry = (path: string) => ({
      path,
      modifiedAt: 0,
      content: new Uint8Array(/large/.test(path) ? 200_000 : 1),
    });
    const archive = Buffer.concat(
      await Array.fromAsync(writeArchive([{ path: 'manifest.json', modifiedAt: 0, content }, ...paths.map(entry)])),
    );
    const source = (async function* () {
      yield change(archive);
    })();
    return Buffer.concat(await Array.fromAsync(encryptAge(source, { recipients: [recipient], random: randomBytes })));
  }

  async function refused(file: Uint8Array, text: RegExp): Promise<void> {
    writeFileSync(join(folder, 'evil.age'), file);
    const directory = await mkdtemp(join(folder, 'evil-'));
    const ended = await restore(directory, '../evil.age');
    assert.equal(ended.status, 2, ended.error);
    assert.match(ended.error, text);
    assert.deepEqual(readdirSync(join(directory, 'data')), []);
    assert.deepEqual(readdirSync(directory), ['data']);
  }

  test('of hostile paths, made for our public key, is not restored', async () => {
    for (const [path, type] of [
      ['data/../evil', '0'],
      ['/ata/xx/evil', '0'],
      ['manifest.jso', '0'],
      ['data//x/evil', '0'],
      // A symbolic link, a hard link, a folder and a device.
      ['other/x/evil', '2'],
      ['other/x/evil', '1'],
      ['other/x/evil', '5'],
      ['other/x/evil', '3'],
    ] as const) {
      const file = await sealed(['other/x/evil'], (archive) => {
        const at = archive.indexOf('other/x/evil');
        archive.write(path.padEnd(12, '\0'), at);
        archive.write(type, at + 156);
        archive.write('        ', at + 148);
        const sum = archive.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
        archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148);
        return archive;
      });
      await refused(file, /evil\.age: is no backup: /);
    }
  });

  test('with a file that no backup has is not restored: a token would let in who made it', async () => {
    for (const path of [
      'data/operator.token',
      'data/restored.json',
      'data/ingot.lock',
      'data/ingot.pid',
      'data/api.pin',
      'data/ingot.db-wal',
      'data/ingot.db-journal',
      'data/ingot.db/x',
      'data/.restoring/x',
      'data/own',
      'data/images',
      'configuration/other.yaml',
      'other',
      'elsewhere/x',
    ]) {
      await refused(
        await sealed([path]),
        new RegExp(`it holds ${path.replaceAll('.', '\\.')}, which no backup of Ingot has`),
      );
    }
    await refused(await sealed(['data/images/x', 'data/images/x']), /it holds data\/images\/x twice/);
    await refused(await sealed(['manifest.json']), /it holds manifest\.json, which no backup/);
  });

  test('is restored by root with the rights of the directory’s owner, whatever they lay in its way', async (t) => {
    if (!need(t, ['root'])) return;
    const nobody = 65_534;
    // Where nobody else may go, it is not theirs to write.
    const directory = await mkdtemp(join(tmpdir(), 'ingot-owner-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    chmodSync(directory, 0o755);
    const [dataDir, theirs] = [join(directory, 'data'), join(directory, 'theirs')];
    mkdirSync(theirs, { mode: 0o700 });
    mkdirSync(join(theirs, 'data/images'), { recursive: true });
    mkdirSync(dataDir, { mode: 0o750 });
    chownSync(dataDir, nobody, nobody);
    const file = await sealed(['data/images/large', 'data/images/evil', 'other/evil']);
    const restoring = (source: AsyncIterable<Uint8Array>) =>
      restoreBackup({
        source,
        dataDir,
        identities: parseAgeIdentities(key.identity) ?? [],
        note: async () => writeFileSync(join(dataDir, 'restored.json'), ''),
        random: randomBytes,
      });
    let swapped = false;
    await assert.rejects(
      restoring(
        (async function* () {
          yield file.subarray(0, 100_000);
          // The first file is being written: its folder becomes another one.
          renameSync(join(dataDir, '.restoring'), join(dataDir, 'away'));
          symlinkSync(theirs, join(dataDir, '.restoring'));
          swapped = true;
          yield file.subarray(100_000);
        })(),
      ),
      { code: 'EACCES' },
    );
    assert.ok(swapped);
    assert.deepEqual(readdirSync(join(theirs, 'data/images')), []);
    assert.equal(process.geteuid?.(), 0);
    rmSync(join(dataDir, 'away'), { recursive: true });
    await restoring(
      (async function* () {
        yield file;
        assert.equal(statSync(dataDir).mode & 0o777, 0o700, 'nobody else comes in meanwhile');
      })(),
    );
    assert.equal(statSync(dataDir).mode & 0o777, 0o750);
    assert.deepEqual(readdirSync(dataDir).toSorted(), ['files.restored', 'images', 'restored.json']);
    for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
      const { uid, gid, mode } = statSync(join(dataDir, name));
      assert.deepEqual(
        [uid, gid, name !== 'restored.json' && mode & 0o077],
        [nobody, nobody, name !== 'restored.json' && 0],
        name,
      );
    }
  });

  test('is never written in the clear: without a recipient it says what it wants', async () => {
    const ended = await ingot(folder, 'backup', '--config', 'ingot.yaml');
    assert.equal(ended.status, 2);
    assert.match(ended.error, /always encrypted: --passphrase-file FILE, or --recipient/);
  });

  function cut(name: string, length: number): string {
    const bytes = readFileSync(backup);
    assert.ok(bytes.length > length);
    writeFileSync(join(folder, name), bytes.subarray(0, header(bytes) + 65_552));
    return join(folder, name);
  }
  function changed(name: string): string {
    const bytes = readFileSync(backup);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  }
  /** Of the header's text, its MAC's line and the nonce of the payload. */
  const header = (bytes: Buffer): number => bytes.indexOf('\n', bytes.indexOf('\n---') + 1) + 1 + 16;
});
