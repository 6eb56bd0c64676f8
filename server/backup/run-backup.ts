import { createWriteStream } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EXIT } from '#machines/contract/exit-status.ts';
import { AgeError } from '#services/backup/age-error.ts';
import {
  type AgeIdentity,
  type AgeRecipient,
  parseAgeIdentities,
  parseAgeRecipient,
} from '#services/backup/age-keys.ts';
import { ArchiveError } from '#services/backup/archive.ts';
import type { Random } from '#services/auth/secret.ts';
import { StoreError } from '#services/store/store-error.ts';
import { sealKey } from '#services/vault/key-file.ts';
import { VaultError } from '#services/vault/vault-error.ts';
import type { Config } from '../config/config.ts';
import { makeBackup } from './make-backup.ts';
import { RestoreError, restoreBackup } from './restore-backup.ts';

export type BackupOptions = {
  /** `-`: standard output. */
  readonly out: string | undefined;
  readonly recipients: readonly string[];
  readonly passphraseFile: string | undefined;
  readonly sealKeyFile: string | undefined;
  readonly images: boolean;
};

export type RestoreOptions = {
  /** `-`: standard input. */
  readonly file: string;
  readonly identityFile: string | undefined;
  readonly passphraseFile: string | undefined;
};

/** What the world gives to both. */
type World = {
  readonly config: Config;
  readonly cwd: string;
  readonly credentialsDir: string | undefined;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: NodeJS.WritableStream;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly random: Random;
};

/** Bad input, in a sentence. */
class Wrong extends Error {}

export async function runBackup(options: BackupOptions, world: World & { readonly version: string }): Promise<number> {
  return await told(world, async () => {
    const { config, cwd, say, signal } = world;
    const recipients = await recipientsOf(options, cwd);
    const key = await sealKeyOf(options.sealKeyFile, world);
    const stamp = new Date(world.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const out = options.out ?? `ingot-${config.site}-${stamp}.tar.age`;
    const backup = makeBackup({ ...world, sealKey: key, images: options.images, recipients });
    if (out === '-') {
      await pipeline(Readable.from(backup), world.stdout, { signal, end: false });
      return EXIT.done;
    }
    const path = resolve(cwd, out);
    const beside = `${path}.part`;
    let bytes = 0;
    try {
      // Its owner's alone, and under its name only when it is whole and on the disk.
      await rm(beside, { force: true });
      const file = createWriteStream(beside, { flags: 'wx', mode: 0o600, flush: true });
      file.on('close', () => (bytes = file.bytesWritten));
      await pipeline(Readable.from(backup), file, { signal });
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
    say(
      `${out}: ${(bytes / 1e6).toFixed(1)} MB, ${options.images ? 'with' : 'without'} images; the sealing key is in it`,
    );
    if (config.store.kind === 'postgres') {
      say('the database is PostgreSQL and not in it: pg_dump --format=custom, and pg_restore before ingot restore');
    }
    return EXIT.done;
  });
}

export async function runRestore(
  options: RestoreOptions,
  world: World & { readonly note: (because: string) => Promise<void> },
): Promise<number> {
  return await told(
    world,
    async () => {
      const { config, cwd, say, signal, random, note } = world;
      const identities = await identitiesOf(options, cwd);
      // Opened now: later it is read with the rights of whoever the data directory belongs to.
      await using file = options.file === '-' ? undefined : await open(resolve(cwd, options.file));
      const source = file?.createReadStream({ signal, autoClose: false }) ?? world.stdin;
      const { manifest, files, configuration } = await restoreBackup({
        source: asBytes(source),
        dataDir: config.dataDir,
        identities,
        note,
        random,
      });
      say(`${config.dataDir}: ${files} files of ${manifest.host} (site ${manifest.site}) of ${manifest.madeAt}`);
      if (configuration !== undefined) say(`its configuration is ${configuration}: look at paths and interfaces first`);
      if (manifest.store === 'postgres') say('the database was PostgreSQL and is not in it: pg_restore it');
      say('when the daemon starts, all jobs are parked, and all grants, tokens and sessions are void');
      return EXIT.done;
    },
    `${options.file}: `,
  );
}

/** Runs, and tells foreseen failures in one line. */
async function told(world: World, work: () => Promise<number>, about = ''): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (world.signal.aborted) return EXIT.failed;
    if (error instanceof Wrong) return complain(world, error.message, EXIT.badInput);
    if (error instanceof RestoreError) return complain(world, error.message, EXIT.refused);
    if (error instanceof AgeError) return complain(world, `${about}${error.message}`, EXIT.badInput);
    if (error instanceof ArchiveError) return complain(world, `${about}is no backup: ${error.message}`, EXIT.badInput);
    if (error instanceof StoreError || error instanceof VaultError) return complain(world, error.message, EXIT.failed);
    if (error instanceof Error && 'code' in error) return complain(world, error.message, EXIT.failed);
    throw error;
  }
}

function complain({ say }: World, text: string, status: number): number {
  say(`ingot: ${text}`);
  return status;
}

async function recipientsOf(options: BackupOptions, cwd: string): Promise<readonly AgeRecipient[]> {
  const { recipients, passphraseFile } = options;
  if (recipients.length === 0 && passphraseFile === undefined) {
    throw new Wrong(
      'a backup holds every secret, and is always encrypted: --passphrase-file FILE, or --recipient age1… of age-keygen',
    );
  }
  if (recipients.length > 0 && passphraseFile !== undefined) {
    throw new Wrong('got --recipient and --passphrase-file, want one of them');
  }
  if (passphraseFile !== undefined)
    return [{ kind: 'passphrase', passphrase: await passphraseOf(passphraseFile, cwd) }];
  return recipients.map((text) => {
    const recipient = parseAgeRecipient(text);
    if (!recipient) throw new Wrong(`--recipient: got ${text}, want the public key of age-keygen, age1…`);
    return recipient;
  });
}

async function identitiesOf(options: RestoreOptions, cwd: string): Promise<readonly AgeIdentity[]> {
  const { identityFile, passphraseFile } = options;
  if ((identityFile === undefined) === (passphraseFile === undefined)) {
    throw new Wrong('want --passphrase-file FILE, or --identity FILE of age-keygen: what the backup was made for');
  }
  if (passphraseFile !== undefined)
    return [{ kind: 'passphrase', passphrase: await passphraseOf(passphraseFile, cwd) }];
  const identities = parseAgeIdentities(await textOf(identityFile ?? '', cwd));
  if (!identities) throw new Wrong(`${identityFile}: want lines AGE-SECRET-KEY-1…, as age-keygen writes them`);
  return identities;
}

/** The first line. Shorter ones are tried out in an afternoon. */
const MIN_PASSPHRASE = 10;

async function passphraseOf(file: string, cwd: string): Promise<string> {
  const [line = ''] = (await textOf(file, cwd)).split(/\r?\n/);
  if (line.length < MIN_PASSPHRASE)
    throw new Wrong(`${file}: its first line is too short, want ${MIN_PASSPHRASE} characters`);
  return line;
}

async function textOf(file: string, cwd: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'cannot be read';
    throw new Wrong(`${file}: ${code}`, { cause });
  }
}

/** From the file that is named, else from where the daemon has it. */
async function sealKeyOf(file: string | undefined, world: World): Promise<Uint8Array> {
  if (file !== undefined) return new Uint8Array(await readFile(resolve(world.cwd, file)));
  const { dataDir } = world.config;
  const { credentialsDir, random } = world;
  try {
    return (await sealKey({ dataDir, credentialsDir, mayMake: false, random })).key;
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'key-lost') throw error;
    throw new Wrong(`there is no sealing key in ${dataDir}: name the daemon’s with --seal-key FILE`);
  }
}

async function* asBytes(source: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const part of source) {
    if (!(part instanceof Uint8Array)) throw new TypeError('a backup is read as bytes');
    yield part;
  }
}
