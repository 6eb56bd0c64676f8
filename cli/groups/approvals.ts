import { type Command, Option } from 'commander';
import { APPROVED_KINDS, MAX_APPROVAL_DAYS } from '#machines/contract/approval.ts';
import { oneOf, outputOption, type Shell, wholeNumber } from '../command-groups.ts';
import { addApproval, type ApprovalOptions, endApprovals, listApprovals } from '../commands/approval.ts';

const EXAMPLES = `
For machines with blank disks only, and for nothing that needs an acknowledgement. Examples:
  ingot approval add --class new-nodes --profile debian --machines 12 --days 7
  ingot install r1-u1..12 --approval ID          nobody is asked; the plan of each is made and kept`;

const kindOf = oneOf('--kind', APPROVED_KINDS);

/** What approvers say once for plans that are made later. */
export function addApprovalCommands(program: Command, { term, daemon }: Shell): void {
  const group = program
    .command('approval')
    .summary('standing approvals: add, list, end')
    .description('Approve installations beforehand: of what, on which machines, how many, until when.')
    .addHelpText('after', EXAMPLES);
  group
    .command('add')
    .summary('by an approver; machines with blank disks only')
    .requiredOption('-p, --profile <name>', 'what may be installed')
    .option('--class <name>', 'on machines of this class')
    .option('-l, --selector <conditions>', 'on machines with these labels: rack=r1,env!=prod')
    .requiredOption('-n, --machines <number>', 'so many jobs in all', wholeNumber('--machines', 1, 1000))
    .requiredOption('--days <number>', 'so long', wholeNumber('--days', 1, MAX_APPROVAL_DAYS))
    .addOption(
      new Option('--kind <kind>', 'repeatable: install (where nothing is said), reprovision')
        .argParser((text: string, before: ApprovalOptions['kind']) => [...before, kindOf(text)])
        .default([]),
    )
    .option('--reason <text>', 'for those who read it later')
    .addOption(outputOption())
    .action(async (options: ApprovalOptions, self: Command) => addApproval(term, await daemon(self), options));
  group
    .command('list')
    .alias('ls')
    .summary('newest first, those that are over, too')
    .addOption(outputOption())
    .action(async (options: Parameters<typeof listApprovals>[2], self: Command) =>
      listApprovals(term, await daemon(self), options),
    );
  group
    .command('end <ids...>')
    .summary('they approve nothing from now on; jobs that have begun go on')
    .action(async (ids: readonly string[], _options: object, self: Command) =>
      endApprovals(term, await daemon(self), ids),
    );
}
