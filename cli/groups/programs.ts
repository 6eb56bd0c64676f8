import type { Command } from 'commander';
import { runDemo } from '../demo/demo.ts';
import { runInPlace } from '../programs.ts';
import { note, say } from '../terminal.ts';
import { collect, oneOf, type Shell, wholeNumber } from '../command-groups.ts';
import type { GlobalOptions } from '../where.ts';

type BackupOptions = {
  readonly output?: string;
  readonly recipient: readonly string[];
  readonly passphraseFile?: string;
  readonly sealKey?: string;
  readonly images?: boolean;
};
type RestoreOptions = { readonly identity?: string; readonly passphraseFile?: string };
type Interfaces = { readonly interface: readonly string[] };

/** The daemon, in the foreground, and the demo. */
export function addProgramCommands(program: Command, { term, end }: Shell): void {
  const interfaces = (command: Command): Command =>
    command.option(
      '-i, --interface <name>',
      'a network to serve, repeatable; as a proxy beside your DHCP server',
      collect,
      [],
    );

  const placeOf = (self: Command): readonly string[] => {
    const { config, data } = self.optsWithGlobals<GlobalOptions>();
    return [...given('--config', config), ...given('--data', data)];
  };
  const argumentsOf = (self: Command, options: Interfaces): readonly string[] => [
    ...placeOf(self),
    ...options.interface.flatMap((name) => ['--interface', name]),
  ];

  interfaces(program.command('serve').summary('run the daemon in the foreground'))
    .description(
      'Run the daemon. With an interface and no file it answers as a proxy: it leases no addresses and touches no disk.',
    )
    .action(async (options: Interfaces, self: Command) =>
      end(await runInPlace('daemon', ['serve', ...argumentsOf(self, options)])),
    );

  interfaces(
    program.command('doctor').summary('look before anything boots: ports, rights, other DHCP servers, loaders'),
  )
    .option('-o, --output <format>', 'text or json', oneOf('-o', ['text', 'json']), 'text')
    .action(async (options: Interfaces & { readonly output: string }, self: Command) =>
      end(
        await runInPlace('daemon', [
          'doctor',
          ...argumentsOf(self, options),
          ...(options.output === 'text' ? [] : ['--output', options.output]),
        ]),
      ),
    );

  program
    .command('backup')
    .summary('database, sealing key and configuration in one encrypted file, while the daemon runs')
    .description(
      'Write one file that age opens, with a tar in it: the database as it is in one moment, the key of its secrets, the configuration. Run it where the daemon’s data are, as their owner.',
    )
    .option('-o, --output <file>', 'where to; - is standard output (default: ingot-SITE-TIME.tar.age)')
    .option('--recipient <key>', 'who can open it: a public key of age-keygen, age1…; repeatable', collect, [])
    .option('--passphrase-file <file>', 'or what opens it: the first line of this file')
    .option('--seal-key <file>', 'the sealing key, where it is not in the data directory')
    .option('--images', 'images, loaders and the agent’s image, too')
    .action(async (options: BackupOptions, self: Command) =>
      end(
        await runInPlace('daemon', [
          'backup',
          ...placeOf(self),
          ...given('--output', options.output),
          ...options.recipient.flatMap((key) => ['--recipient', key]),
          ...given('--passphrase-file', options.passphraseFile),
          ...given('--seal-key', options.sealKey),
          ...(options.images === true ? ['--images'] : []),
        ]),
      ),
    );

  program
    .command('restore <file>')
    .summary('a backup into an empty data directory; all jobs are parked, all tokens void')
    .description(
      'Restore a backup into an empty data directory (--data, or the one of --config), before the daemon starts there.',
    )
    .option('--identity <file>', 'the key that it was made for, of age-keygen')
    .option('--passphrase-file <file>', 'or the passphrase: the first line of this file')
    .action(async (file: string, options: RestoreOptions, self: Command) =>
      end(
        await runInPlace('daemon', [
          'restore',
          ...placeOf(self),
          ...given('--identity', options.identity),
          ...given('--passphrase-file', options.passphraseFile),
          '--',
          file,
        ]),
      ),
    );

  program
    .command('demo')
    .summary('a daemon and a rack of simulated machines, without root')
    .option('-n, --machines <number>', 'how many', wholeNumber('--machines', 1, 5000), 10)
    .option('--port <number>', 'of the page; 0 takes a free one', wholeNumber('--port', 0, 65_535), 4680)
    .action(async (options: { readonly machines: number; readonly port: number }, self: Command) => {
      const { data } = self.optsWithGlobals<GlobalOptions>();
      end(
        await runDemo({
          machines: options.machines,
          port: options.port,
          dataDir: data ?? 'data/demo',
          out: (line) => say(term, line),
          error: (line) => note(term, line),
          signal: term.signal,
        }),
      );
    });
}

const given = (option: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [option, value];
