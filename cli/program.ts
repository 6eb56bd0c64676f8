import { Command, CommanderError, Help, Option } from 'commander';
import { EXIT } from '#machines/contract/exit-status.ts';
import { VERSION } from '#machines/contract/version.ts';
import { addAccessCommands } from './groups/access.ts';
import { addApprovalCommands } from './groups/approvals.ts';
import { addBootCommands } from './groups/boot.ts';
import { addClusterCommands } from './groups/cluster.ts';
import { addCompletionCommands } from './groups/completion.ts';
import { addDocumentCommands } from './groups/documents.ts';
import { addHelpCommand } from './groups/help.ts';
import { addImageCommands } from './groups/images.ts';
import { addJobCommands } from './groups/jobs.ts';
import { addMachineCommands } from './groups/machine.ts';
import { addBmcCommands } from './groups/bmc.ts';
import { addSystemCommands } from './groups/system.ts';
import { addPowerCommands } from './groups/power.ts';
import { addProgramCommands } from './groups/programs.ts';
import { addTopCommand } from './groups/top.ts';
import { addWebhookCommands } from './groups/webhooks.ts';
import { type Daemon, daemonAt } from './daemon.ts';
import { badInput, CommandFailure } from './failure.ts';
import { hintFor } from './not-found.ts';
import { note, paint, type Terminal } from './terminal.ts';
import type { Shell } from './command-groups.ts';
import { addHelp } from './help.ts';
import { findDaemon, type GlobalOptions } from './where.ts';

const EXAMPLES = `
Examples:
  ingot demo                                     a simulated rack to look at
  sudo ingot serve --interface eth1              a real network, beside your DHCP server
  ingot apply -f rack.yaml                       say what there is and what it boots
  ingot machine list -l rack=r1                  how machines stand
  ingot machine accept r1-u1..12                 let twelve of them netboot
  ingot power cycle r1-u3 --boot network         by its BMC, proven, once
  ingot trace r1-u3                              why does it not boot?
  ingot explain 52:54:00:00:00:01                which rule decides, and the script it would get

Exit status: 0 done; 1 failed, differences or findings; 2 bad input; 3 not found; 4 no daemon; 5 refused.
Daemon: --url, INGOT_URL, the context, else http://127.0.0.1:4680. Token: INGOT_TOKEN, the context, else operator.token in the data directory
(--data, --config, INGOT_DATA, else ./data, else ./data/demo).`;

/** Runs one command line. Gives its exit status; what went wrong is on standard error. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let asked: string | undefined;
  const term: Terminal = { ...terminal, asks: () => asked };
  let status: number = EXIT.done;
  const connected = new Map<string, Promise<Daemon>>();
  const daemon = (command: Command): Promise<Daemon> => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const known =
      connected.get('daemon') ??
      findDaemon(options, term).then((where) => {
        asked = where.context === undefined ? where.url : `${where.context}, ${where.url}`;
        return daemonAt(where, term.signal);
      });
    connected.set('daemon', known);
    return known;
  };
  const shell = { term, daemon, end: (ended: number) => void (status = ended) };
  const program = programOf(shell);
  const hintOf = async ({ message }: CommandFailure): Promise<string | undefined> => {
    // It may be the daemon itself that was not found.
    const known = await connected.get('daemon')?.catch(() => undefined);
    return known && (await hintFor(message, known));
  };
  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    const hint = error instanceof CommandFailure && error.status === EXIT.notFound ? await hintOf(error) : undefined;
    return statusOf(error, term, hint);
  }
}

/** All commands, with their help; nothing is run by that. */
export function programOf(shell: Shell): Command {
  const program = new Command('ingot')
    .description('Bare-metal provisioning: from power-on to a running machine, and why when it is not.')
    .version(VERSION, '-V, --version', 'print the version')
    .option('-c, --config [file]', 'the daemon’s configuration')
    .hook('preAction', (_program, command) => {
      // `explain MACHINE --config` asks for the machine’s; everywhere else it is a file.
      if (program.getOptionValue('config') !== true) return;
      program.setOptionValue('config', undefined);
      if (command.name() !== 'explain') throw badInput('--config: got nothing, want a file');
      command.setOptionValue('configured', true);
    })
    .option('--data <dir>', 'the daemon’s data directory')
    .option('--url <url>', 'the daemon’s operator API')
    .option('--context <name>', 'a daemon by the name under which you logged in')
    .addHelpText('after', EXAMPLES);
  addProgramCommands(program, shell);
  addTopCommand(program, shell);
  addDocumentCommands(program, shell);
  addMachineCommands(program, shell);
  addBootCommands(program, shell);
  addImageCommands(program, shell);
  addPowerCommands(program, shell);
  addBmcCommands(program, shell);
  addSystemCommands(program, shell);
  addJobCommands(program, shell);
  addApprovalCommands(program, shell);
  addClusterCommands(program, shell);
  addAccessCommands(program, shell);
  addWebhookCommands(program, shell);
  addCompletionCommands(program, shell);
  addHelpCommand(program, shell);
  addHelp(program);
  talkThrough(program, shell.term);
  return program;
}

/** Every command throws instead of ending the process, and writes where the terminal says. */
function talkThrough(command: Command, term: Terminal): void {
  const path = pathOf(command);
  command.exitOverride();
  command.configureHelp({ showGlobalOptions: true, sortSubcommands: false, ...helpStyle(term) });
  command.configureOutput({
    writeOut: (text) => void term.out.write(text),
    writeErr: (text) => void term.error.write(text),
    getOutHasColors: () => term.colour,
    getErrHasColors: () => term.colour,
    getOutHelpWidth: () => term.columns ?? 100,
    // As commander says it, with the place where it went wrong and what would have been right.
    outputError(text, write) {
      write(`${path}: ${text.replace(/^error: /, '').replace(/\n\((Did you mean .*)\)/, '. $1')}`);
      write(`  usage: ${path} ${command.usage()}\n  next: ${path} --help\n`);
    },
  });
  for (const inner of command.commands) talkThrough(inner, term);
}

const helpStyle = (term: Terminal): Partial<Help> => ({
  // Nothing by default is not worth a word.
  optionDescription: (option) =>
    new Help().optionDescription(
      Array.isArray(option.defaultValue) ? new Option(option.flags, option.description) : option,
    ),
  styleTitle: (text) => paint(term, 'bold', text),
  styleCommandText: (text) => paint(term, 'cyan', text),
  styleSubcommandText: (text) => paint(term, 'cyan', text),
  styleOptionText: (text) => paint(term, 'green', text),
});

const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

function statusOf(error: unknown, term: Terminal, hint?: string): number {
  if (error instanceof CommandFailure) {
    note(term, error.message, ...(hint === undefined ? [] : [hint]));
    return error.status;
  }
  // commander has said what is wrong already; asking for help is no mistake.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
  if (term.signal.aborted) return EXIT.failed;
  throw error;
}
