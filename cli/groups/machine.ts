import { type Command, Option } from 'commander';
import { act, type Action, type ActOptions, removeMachines } from '../commands/machine-act.ts';
import { addMachine, type AddOptions } from '../commands/machine-add.ts';
import { importMachines, type ImportOptions } from '../commands/machine-import.ts';
import { replaceMachine, type ReplaceOptions } from '../commands/machine-replace.ts';
import { type ListOptions, showList, showMachine } from '../commands/machine-show.ts';
import { ACCEPTANCES } from '#machines/contract/api/machine-resource.ts';
import { IMPORT_FORMATS } from '../import/formats.ts';
import type { Format } from '../output/format.ts';
import { collect, outputOption, selectorOptions, type Shell, watchOption } from '../command-groups.ts';

const ACTIONS: readonly (readonly [name: string, action: Action, summary: string])[] = [
  ['accept', 'accept', 'let machines netboot what their profile says; no disk is touched by it'],
  ['reject', 'reject', 'serve nothing to machines until a person accepts them'],
  ['adopt', 'adopt', 'note that machines are in service: they are never netbooted'],
  ['lock', 'lock', 'refuse destructive jobs, power-off, prune and removal'],
  ['unlock', 'unlock', 'allow them again'],
  ['retire', 'retire', 'take machines out of use'],
];

const EXAMPLES = `
Examples:
  ingot machine list --fact arch=arm64           those whose firmware said so
  ingot machine list --acceptance seen           who asked, and waits for an answer
  ingot machine add r1-u1 -m 52:54:00:00:00:01 -p rescue
  ingot machine accept r1-u1..12                 the list and its count are printed first
  ingot machine lock -l env=prod                 no destructive job, power-off or removal
  ingot machine import /var/lib/misc/dnsmasq.leases --dry-run`;

export function addMachineCommands(program: Command, { term, daemon, end }: Shell): void {
  const machine = program
    .command('machine')
    .summary('machines: list, show, add, accept, lock…')
    .description('Machines. Names may be ranges: r1-u1..12, u01..12.')
    .addHelpText('after', EXAMPLES);

  selectorOptions(machine.command('list').alias('ls').summary('all machines, or those that match'))
    .option('-s, --search <text>', 'part of a name, MAC, address, serial or model')
    .addOption(new Option('--acceptance <state>', 'only those').choices(ACCEPTANCES))
    .addOption(watchOption())
    .addOption(outputOption())
    .action(async (options: ListOptions, self: Command) => showList(term, await daemon(self), options));

  machine
    .command('show <machine>')
    .summary('all that is known of one machine, by name or MAC')
    .addOption(outputOption())
    .action(async (name: string, { output }: { readonly output: Format }, self: Command) =>
      showMachine(term, await daemon(self), name, output),
    );

  machine
    .command('add <name>')
    .summary('write a machine down; it is accepted by that')
    .option('-m, --mac <mac>', 'repeatable', collect, [])
    .option('-p, --profile <name>', 'what it boots')
    .option('-a, --address <ip>', 'the address that DHCP gives it')
    .option('--serial <text>', 'as its firmware says')
    .option('--uuid <uuid>', 'as its firmware says')
    .option('--site <name>')
    .option('--rack <name>')
    .option('--unit <number>')
    .option('--label <key=value>', 'repeatable', collect, [])
    .action(async (name: string, options: AddOptions, self: Command) =>
      addMachine(term, await daemon(self), name, options),
    );

  for (const [name, action, summary] of ACTIONS) {
    const command = selectorOptions(
      machine.command(`${name} [machines...]`).summary(summary).description(`${summary}.`),
    );
    if (name === 'retire') command.option('-y, --yes', 'do not ask, although they are several');
    command.action(async (names: readonly string[], options: ActOptions, self: Command) =>
      end(await act(term, await daemon(self), action, names, options)),
    );
  }

  selectorOptions(machine.command('maintenance [machines...]').summary('leave machines alone; --off ends it'))
    .option('--off', 'end it')
    .action(async (names: readonly string[], options: ActOptions & { readonly off?: boolean }, self: Command) =>
      end(
        await act(
          term,
          await daemon(self),
          options.off === true ? 'maintenance-off' : 'maintenance-on',
          names,
          options,
        ),
      ),
    );

  selectorOptions(
    machine.command('remove [machines...]').alias('rm').summary('forget machines; their disks are untouched'),
  )
    .option('-y, --yes', 'do not ask, although they are several')
    .action(async (names: readonly string[], options: ActOptions, self: Command) =>
      end(await removeMachines(term, await daemon(self), names, options)),
    );

  machine
    .command('replace <old> <new>')
    .summary('put other hardware in the place of a machine')
    .description(
      'The hardware known as NEW becomes OLD: name, address, profile, labels, credentials and history of OLD stay, its MACs, UUID and serial become those of NEW, and the record NEW ends. What the two do not agree in is shown first.',
    )
    .option('--dry-run', 'say what would move and what stands against it, and change nothing')
    .option('-y, --yes', 'do not ask, where nothing stands against it')
    .option('--conflicts <count>', 'how many were shown and looked at, where nobody can be asked')
    .addOption(outputOption())
    .action(async (old: string, by: string, options: ReplaceOptions, self: Command) =>
      replaceMachine(term, await daemon(self), old, by, options),
    );

  machine
    .command('import <file>')
    .summary('machines from a CSV list, or from the leases of another DHCP server')
    .description(
      'Reads a CSV list with a header (name,mac,address,serial,uuid,site,rack,unit,profile,label:KEY), dnsmasq.leases, dhcpd.leases, or the CSV of Kea. Machines from leases are in service, so they are adopted: never netbooted until somebody accepts them.',
    )
    .addOption(
      new Option('--from <format>', 'what the file is; told by its beginning otherwise').choices(IMPORT_FORMATS),
    )
    .option('--dry-run', 'say what would change, and change nothing')
    .option('--no-adopt', 'accept machines from leases instead of adopting them')
    .action(async (file: string, options: ImportOptions, self: Command) =>
      end(await importMachines(term, await daemon(self), file, options)),
    );
}
