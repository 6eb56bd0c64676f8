import type { Command } from 'commander';
import { collect, outputOption, selectorOptions, type Shell, watchOption, wholeNumber } from '../command-groups.ts';
import {
  discoverBmcs,
  exportQuirks,
  identify,
  importQuirks,
  listBmcs,
  pinBmc,
  readInventory,
  rotateBmcs,
  setBmc,
  type SetOptions,
  showBmc,
  showEvents,
  tryBmcs,
  type TryOptions,
  type WithOutput,
} from '../commands/bmc.ts';
import { type CredentialOptions, listCredentials, removeCredential, setCredential } from '../commands/credentials.ts';
import type { Selection } from '../machine-names.ts';

const EXAMPLES = `
Examples:
  ingot bmc credentials set rack1 --username admin          asks for the password, seals it
  ingot bmc discover 10.0.0.0/24                            who is there; no credential is sent
  ingot bmc try https://10.0.0.12 --credential rack1        shows the certificate first
  ingot bmc set r1-u3 --type redfish --address https://10.0.0.12 --credential rack1
  ingot bmc rotate r1-u1..12                                a password of its own for each`;

export function addBmcCommands(program: Command, { term, daemon, end }: Shell): void {
  const group = program
    .command('bmc')
    .summary('BMCs: list, show, set, pin, discover, try, rotate, events, identify, inventory, credentials')
    .description('BMCs of machines, by Redfish, IPMI, Wake-on-LAN, a webhook or a person.')
    .addHelpText('after', EXAMPLES);

  group
    .command('list')
    .alias('ls')
    .summary('all that are known, whose they are, and what is wrong with them')
    .addOption(outputOption())
    .addOption(watchOption())
    .action(async (options: WithOutput & { readonly watch?: boolean }, self: Command) =>
      listBmcs(term, await daemon(self), options),
    );
  group
    .command('show <machine>')
    .summary('a machine’s BMC, and who does what it lacks')
    .addOption(outputOption())
    .action(async (name: string, options: WithOutput, self: Command) =>
      showBmc(term, await daemon(self), name, options),
    );
  group
    .command('set <machine>')
    .summary('how a machine’s BMC is reached')
    .option('--type <type>', 'redfish, ipmi, wol, webhook or manual')
    .option('--address <address>', 'https://10.0.0.12; IPMI: 10.0.0.12; Wake-on-LAN: a MAC')
    .option('--credential <name>', 'by its name')
    .option('--system <id>', 'of several in one chassis')
    .option('--none', 'it has no BMC')
    .action(async (name: string, options: SetOptions, self: Command) =>
      setBmc(term, await daemon(self), name, options),
    );
  group
    .command('pin <machine>')
    .summary('show the certificate of a BMC, and pin it')
    .option('--sha256 <fingerprint>', 'pin this one, if it is the one that is shown')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: { readonly sha256?: string; readonly yes?: boolean }, self: Command) =>
      pinBmc(term, await daemon(self), name, options),
    );
  group
    .command('discover <cidr>')
    .summary('look for BMCs in a subnet, /20 at most; no credential is sent')
    .option('--port <number>', 'of Redfish; repeatable', collect, [])
    .addOption(outputOption())
    .action(async (cidr: string, options: WithOutput & { readonly port: readonly string[] }, self: Command) =>
      discoverBmcs(term, await daemon(self), cidr, options),
    );
  group
    .command('try <addresses...>')
    .summary('log in to named BMCs with one credential, once each, certificates shown first')
    .requiredOption('--credential <name>', 'by its name')
    .option('--rack <name>', 'only BMCs of this rack')
    .option('-y, --yes', 'do not ask')
    .addOption(outputOption())
    .action(async (addresses: readonly string[], options: TryOptions, self: Command) =>
      end(await tryBmcs(term, await daemon(self), addresses, options)),
    );
  selectorOptions(group.command('rotate [machines...]').summary('give BMCs passwords of their own, proven by a login'))
    .option('-y, --yes', 'do not ask, although they are several')
    .action(async (names: readonly string[], options: Selection & { readonly yes?: boolean }, self: Command) =>
      end(await rotateBmcs(term, await daemon(self), names, options)),
    );
  group
    .command('events <machine>')
    .summary('the event log of a BMC')
    .addOption(outputOption())
    .action(async (name: string, options: WithOutput, self: Command) =>
      showEvents(term, await daemon(self), name, options),
    );
  for (const parent of [group.command('identify [machines...]'), program.command('locate [machines...]')]) {
    selectorOptions(parent.summary('turn the locate light on'))
      .option('--seconds <number>', 'how long', '60')
      .option('--off', 'turn it off')
      .action(
        async (
          names: readonly string[],
          options: Selection & { readonly seconds: string; readonly off?: boolean },
          self: Command,
        ) => end(await identify(term, await daemon(self), names, options)),
      );
  }
  group
    .command('inventory <machine>')
    .summary('what a machine is made of, read from its BMC now')
    .addOption(outputOption())
    .action(async (name: string, options: WithOutput, self: Command) =>
      readInventory(term, await daemon(self), name, options),
    );
  group
    .command('export-quirks')
    .summary('what was found to work, by model and firmware, as JSON')
    .action(async (_options: object, self: Command) => exportQuirks(term, await daemon(self)));

  group
    .command('import-quirks <file>')
    .summary('begin with what export-quirks of another Ingot gave; - for standard input')
    .action(async (file: string, _options: object, self: Command) => importQuirks(term, await daemon(self), file));

  const credentials = group.command('credentials').summary('what BMCs are logged in to with: list, set, remove');
  credentials
    .command('list')
    .alias('ls')
    .summary('their names and users, and which BMC uses what; passwords are never shown')
    .addOption(outputOption())
    .action(async (options: WithOutput, self: Command) => listCredentials(term, await daemon(self), options));
  credentials
    .command('set <name>')
    .summary('create or replace one; it is sealed')
    .requiredOption('--username <user>', 'who logs in')
    .option('--password-file <file>', 'holds the password; - for standard input')
    .option('--password-env <name>', 'of the variable that holds it')
    .option('--kg-file <file>', 'holds IPMI’s K_g, 20 bytes in hex')
    .option(
      '--rotate-days <days>',
      'each BMC gets a password of its own, and another one before it is so old',
      wholeNumber('--rotate-days', 1, 3650),
    )
    .option('--own-user', 'and a user of Ingot’s own beside this one')
    .option('--no-own-user', 'no user of its own any more for BMCs that have none yet')
    .action(async (name: string, options: CredentialOptions, self: Command) =>
      setCredential(term, await daemon(self), name, options),
    );
  credentials
    .command('remove <name>')
    .alias('rm')
    .summary('forget one that opens nothing')
    .action(async (name: string, _options: object, self: Command) => removeCredential(term, await daemon(self), name));
}
