import type { Command } from 'commander';
import { afterHelp } from './command-tree.ts';

/** Commands as the help of the program lists them: by what one wants. */
const GROUPS: readonly (readonly [heading: string, commands: readonly string[]])[] = [
  ['Begin:', ['demo', 'doctor', 'serve', 'login', 'logout', 'context']],
  ['Look:', ['top', 'trace', 'explain', 'logs', 'dmesg', 'console', 'get']],
  ['Say what there is:', ['machine', 'apply', 'diff', 'edit', 'delete', 'image', 'loader', 'cluster']],
  ['Power and boot:', ['power', 'boot', 'locate', 'reboot', 'shutdown', 'bmc']],
  [
    'Inspect, install, erase:',
    [
      'inspect',
      'install',
      'reprovision',
      'upgrade',
      'rollback',
      'rescue',
      'wipe',
      'reset',
      'retire',
      'job',
      'certificate',
    ],
  ],
];

/** What is in none of them. */
const OTHERS = 'Keep it:';

/**
 * Examples of commands whose group has none that show them. A command line, and what it does where that is not plain.
 */
const EXAMPLES: Readonly<Record<string, readonly (readonly [line: string, does?: string])[]>> = {
  demo: [['ingot demo'], ['ingot demo --machines 200 --port 4690', 'more of them, and beside another Ingot']],
  doctor: [
    ['sudo ingot doctor --interface eth1', 'before the first start; nothing is answered'],
    ['ingot doctor --config ingot.yaml -o json', 'for a check in a script'],
  ],
  serve: [
    ['sudo ingot serve --interface eth1', 'beside your DHCP server; no file is needed'],
    ['ingot serve --config /etc/ingot/ingot.yaml'],
  ],
  login: [
    ['ingot login', 'an address that opens the web page, once'],
    ['ingot login https://rack1:4680 --user ada', 'this terminal, as a user; asks for the password'],
  ],
  apply: [
    ['ingot apply -f rack.yaml'],
    ['ingot apply -f racks/ --prune --dry-run', 'what a folder would change'],
    ['ingot get profiles -o yaml | ingot apply -f -'],
  ],
  diff: [['ingot diff -f rack.yaml', 'exit status 1 when there is a difference']],
  get: [
    ['ingot get profiles'],
    ['ingot get machine r1-u1 -o yaml', 'as apply reads it'],
    ['ingot get leases', 'who holds which address'],
  ],
  edit: [['ingot edit machine r1-u1'], ['EDITOR="code --wait" ingot edit profile rescue']],
  delete: [['ingot delete profile rescue'], ['ingot delete machines -l rack=r9 --yes']],
  explain: [
    ['ingot explain r1-u1', 'what it would be sent now, and by which rule'],
    ['ingot explain 52:54:00:00:00:01', 'whoever has this MAC'],
    ['ingot explain r1-u1 --configured', 'each value, and who said it'],
  ],
  trace: [
    ['ingot trace r1-u1', 'its newest boot, with the verdict'],
    ['ingot trace r1-u1 --follow', 'while it boots'],
    ['ingot trace r1-u1 --pcap boot.pcap', 'its packets, for tshark'],
  ],
  logs: [
    ['ingot logs r1-u1 --follow'],
    ['ingot logs r1-u1 --source console', 'what its serial console showed'],
    ['ingot logs r1-u1 --live --tail 100', 'the agent’s own'],
  ],
  dmesg: [['ingot dmesg r1-u1 --follow']],
  console: [['ingot console r1-u1', '~. at the beginning of a line leaves'], ['ingot console r1-u1 --read-only']],
  boot: [
    ['ingot boot r1-u1 --profile rescue', 'once, the next time that it netboots'],
    ['ingot boot r1-u1..12 -p menu'],
  ],
  locate: [['ingot locate r1-u1', 'its light blinks for a minute'], ['ingot locate r1-u1 --off']],
  reboot: [['ingot reboot r1-u1', 'asks its system; ingot power reset does not ask']],
  shutdown: [['ingot shutdown r1-u1..12 --yes']],
  inspect: [
    ['ingot inspect r1-u1 --wait', 'then ingot machine show r1-u1 has the sheet'],
    ['ingot inspect -l rack=r1'],
  ],
  rescue: [['ingot rescue r1-u1', 'then ingot console r1-u1, or its screen']],
  job: [
    ['ingot job list --machine r1-u1'],
    ['ingot job logs ID --follow', 'until it is over; exits by its result'],
    ['ingot job cancel ID', 'at its next safe point'],
  ],
  certificate: [
    ['ingot certificate show r1-u1 -o json > r1-u1.json', 'of its newest erasure: the file to keep'],
    ['ingot certificate verify r1-u1.json', 'needs no daemon'],
  ],
  loader: [
    ['ingot loader list', 'which are missing, and for what'],
    ['ingot loader add ./snponly.efi --as ipxe/x86_64/snponly.efi'],
  ],
  token: [
    ['ingot token create ci --role operator --days 90', 'the secret alone is on standard output'],
    ['ingot token list'],
    ['ingot token remove ID'],
  ],
  audit: [['ingot audit -n 20']],
  context: [['ingot context list'], ['ingot context use rack1', 'commands ask that daemon from now on']],
  logout: [['ingot logout']],
  help: [['ingot help power on'], ['ingot help power --man | man -l -', 'its page of the manual']],
  user: [
    ['ingot user create ada --role operator', 'asks for the password'],
    ['ingot user change ada --role approver'],
    ['ingot user disable ada', 'ends their sessions and tokens'],
  ],
  cluster: [
    ['ingot cluster show prod', 'exit status 1 while a machine is not ready'],
    ['ingot cluster kubeconfig prod --out kubeconfig'],
    ['ingot cluster talosconfig prod --out talosconfig'],
  ],
  backup: [
    ['ingot backup --recipient age1… -o ingot.tar.age', 'while the daemon runs'],
    ['ingot backup --passphrase-file pass --images'],
  ],
  restore: [['ingot --data /var/lib/ingot restore ingot.tar.age --identity key.txt', 'into an empty directory']],
};

/** Groups, whole sentences where there is only a summary, and examples for every command. */
export function addHelp(program: Command): void {
  program.commandsGroup(OTHERS).helpCommand(false);
  const headingOf = ({ name }: { readonly name: string }): string =>
    GROUPS.find(([, names]) => names.includes(name))?.[0] ?? OTHERS;
  for (const command of program.commands) {
    command.helpGroup(headingOf({ name: command.name() }));
    const examples = EXAMPLES[command.name()];
    if (examples && !afterHelp(command).includes('Examples')) {
      command.addHelpText('after', `\nExamples:\n${exampleLines(examples).join('\n')}`);
    }
    const lines = afterHelp(command).split('\n');
    for (const inner of command.commands) fromGroup(inner, `ingot ${command.name()}`, lines);
  }
  describe(program);
  sortCommands(program);
}

/** As the table has them: commander lists groups in the order in which it has their first commands. */
function sortCommands(program: Command): void {
  const order = GROUPS.flatMap(([, names]) => names);
  const at = (command: Command): number => order.indexOf(command.name()) + 1 || order.length + 1;
  // Its type says that nobody may: there is no other way to say it.
  (program.commands as Command[]).sort((one, other) => at(one) - at(other));
}

/** The examples of the group that show this command; else where they are. */
function fromGroup(command: Command, group: string, lines: readonly string[]): void {
  const path = `${group} ${command.name()}`;
  const own = lines.filter((line) => new RegExp(`\\b${path}\\b`).test(line));
  if (!afterHelp(command).includes('Examples')) {
    command.addHelpText('after', own.length > 0 ? `\nExamples:\n${own.join('\n')}` : `\nExamples: ${group} --help`);
  }
  for (const inner of command.commands) fromGroup(inner, path, lines);
}

function describe(command: Command): void {
  const summary = command.summary();
  if (command.description() === '' && summary !== '') {
    command.description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`).summary(summary);
  }
  for (const inner of command.commands) describe(inner);
}

const COLUMN = 46;

const exampleLines = (examples: readonly (readonly [line: string, does?: string])[]): readonly string[] =>
  examples.map(([line, does]) => (does === undefined ? `  ${line}` : `  ${line.padEnd(COLUMN)} ${does}`));
