import { parseArgs } from 'node:util';
import type { BackupOptions, RestoreOptions } from './backup/run-backup.ts';

export type CommandLine =
  | { readonly kind: 'serve' | 'doctor'; readonly options: ServeOptions }
  | { readonly kind: 'backup'; readonly options: ServeOptions; readonly backup: BackupOptions }
  | { readonly kind: 'restore'; readonly options: ServeOptions; readonly restore: RestoreOptions }
  | { readonly kind: 'wrong'; readonly text: string };

export type ServeOptions = {
  readonly configFile: string | undefined;
  readonly dataDir: string | undefined;
  readonly interfaces: readonly string[];
  /** doctor: one JSON array instead of lines. */
  readonly json: boolean;
};

/** `serve` and `doctor` take the same options, so that the latter looks at what the former would do. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [kind, ...rest] = args;
  if (kind === 'backup') return backupLine(rest);
  if (kind === 'restore') return restoreLine(rest);
  if (kind !== 'serve' && kind !== 'doctor')
    return { kind: 'wrong', text: `got ${kind ?? 'nothing'}, want serve, doctor, backup or restore` };
  try {
    const { values } = parseArgs({
      args: rest,
      strict: true,
      options: {
        config: { type: 'string', short: 'c' },
        data: { type: 'string' },
        interface: { type: 'string', short: 'i', multiple: true, default: [] },
        output: { type: 'string', short: 'o' },
      },
    });
    if (values.output !== undefined && values.output !== 'json')
      return { kind: 'wrong', text: `got -o ${values.output}, want -o json` };
    const options = {
      configFile: values.config,
      dataDir: values.data,
      interfaces: values.interface,
      json: values.output === 'json',
    };
    return { kind, options };
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) };
  }
}

const PLACE = { config: { type: 'string', short: 'c' }, data: { type: 'string' } } as const;
const placeOf = ({ config, data }: { readonly config?: string; readonly data?: string }): ServeOptions => ({
  configFile: config,
  dataDir: data,
  interfaces: [],
  json: false,
});

function backupLine(args: readonly string[]): CommandLine {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: {
        ...PLACE,
        output: { type: 'string', short: 'o' },
        recipient: { type: 'string', multiple: true, default: [] },
        'passphrase-file': { type: 'string' },
        'seal-key': { type: 'string' },
        images: { type: 'boolean', default: false },
      },
    });
    const backup = {
      out: values.output,
      recipients: values.recipient,
      passphraseFile: values['passphrase-file'],
      sealKeyFile: values['seal-key'],
      images: values.images,
    };
    return { kind: 'backup', options: placeOf(values), backup };
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) };
  }
}

function restoreLine(args: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: { ...PLACE, identity: { type: 'string' }, 'passphrase-file': { type: 'string' } },
    });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0) return { kind: 'wrong', text: 'restore: want one FILE' };
    const restore = { file, identityFile: values.identity, passphraseFile: values['passphrase-file'] };
    return { kind: 'restore', options: placeOf(values), restore };
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) };
  }
}
