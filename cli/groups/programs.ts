import type { Command } from 'commander';
import { runDemo } from '../demo/demo.ts';
import { badInput } from '../failure.ts';
import { runInPlace } from '../programs.ts';
import { note, say } from '../terminal.ts';
import { collect, type Shell } from '../command-groups.ts';
import type { GlobalOptions } from '../where.ts';

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

  const argumentsOf = (self: Command, options: Interfaces): readonly string[] => {
    const { config, data } = self.optsWithGlobals<GlobalOptions>();
    return [
      ...(config === undefined ? [] : ['--config', config]),
      ...(data === undefined ? [] : ['--data', data]),
      ...options.interface.flatMap((name) => ['--interface', name]),
    ];
  };

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
    .option('-o, --output <format>', 'text or json', 'text')
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
    .command('demo')
    .summary('a daemon and a rack of simulated machines, without root')
    .option('-n, --machines <number>', 'how many', '10')
    .option('--port <number>', 'of the page; 0 takes a free one', '4680')
    .action(async (options: { readonly machines: string; readonly port: string }, self: Command) => {
      const { data } = self.optsWithGlobals<GlobalOptions>();
      end(
        await runDemo({
          machines: wholeNumber('--machines', options.machines, 1, 5000),
          port: wholeNumber('--port', options.port, 0, 65_535),
          dataDir: data ?? 'data/demo',
          out: (line) => say(term, line),
          error: (line) => note(term, line),
          signal: term.signal,
        }),
      );
    });
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw badInput(`${option}: got ${text}, want a whole number from ${least} to ${most}`);
}
