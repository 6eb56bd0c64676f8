import type { Command } from 'commander';
import { selectorOptions, type Shell } from '../command-groups.ts';
import { LOG_SOURCES, logs, type LogsOptions, systemLog } from '../commands/logs.ts';
import { restartBySystem, type RestartOptions } from '../commands/restart.ts';

/** What the system that runs on a machine tells and does. */
export function addSystemCommands(program: Command, { term, daemon, end }: Shell): void {
  program
    .command('logs <machine>')
    .summary('what was logged in its newest boot: console, kernel, agent, loader, syslog')
    .option('-f, --follow', 'go on, into the boots that follow')
    .option('--attempt <id>', 'another boot than the newest')
    .option('--source <name>', LOG_SOURCES.join(', '))
    .option('--live', 'the agent’s own log, from the machine itself')
    .option('--tail <lines>', 'with --live: so many from its end')
    .action(async (name: string, options: LogsOptions, self: Command) => logs(term, await daemon(self), name, options));
  program
    .command('dmesg <machine>')
    .summary('the log of its kernel, from the machine itself; an agent must run on it')
    .option('-f, --follow', 'go on')
    .action(async (name: string, options: { readonly follow?: boolean }, self: Command) =>
      systemLog(term, await daemon(self), name, { ...options, of: 'kernel' }),
    );
  for (const [how, summary] of [
    ['reboot', 'restart machines by the system that runs on them'],
    ['shutdown', 'turn machines off by the system that runs on them'],
  ] as const) {
    selectorOptions(program.command(`${how} [machines...]`).summary(summary))
      .option('-y, --yes', 'do not ask, although they are several or somebody counts on it')
      .option(
        '--wait',
        how === 'reboot'
          ? 'until the boot that follows has ended; exit 1 if it failed'
          : 'until its BMC says that it is off',
      )
      .action(async (names: readonly string[], options: RestartOptions, self: Command) =>
        end(await restartBySystem(term, await daemon(self), how, names, options)),
      );
  }
}
