import { type Command, Option } from 'commander';
import { WIPE_METHODS } from '#machines/contract/job.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { collect, outputOption, selectorOptions, type Shell, watchOption, wholeNumber } from '../command-groups.ts';
import { parseMaxFailures } from '../commands/batch.ts';
import { listCertificates, showCertificate, showKey, verifyFile } from '../commands/certificate.ts';
import { cancelJobs, jobLogs, type JobOptions, listJobs, planned, showJob, unplanned } from '../commands/job.ts';
import type { Format } from '../output/format.ts';

const PLANNED: readonly (readonly [kind: PlannedKind, summary: string])[] = [
  ['install', 'write an image to the disk that the machine’s document names'],
  ['wipe', 'ERASE disks, read samples back, and sign a certificate'],
  ['reset', 'ERASE all local disks, as wipe does; a member of a cluster leaves it, and erases its system disk itself'],
  ['reprovision', 'ERASE all local disks, then install'],
  ['retire', 'ERASE all local disks, then power off'],
  ['upgrade', 'another release of Talos, one machine of a cluster at a time; rolled back where it does not get well'],
  ['rollback', 'back to the release of Talos that ran before, one machine of a cluster at a time'],
];

/** No plan, since they write nothing. */
const UNPLANNED = [
  ['inspect', 'boot the agent and take an inventory; no disk is opened for writing'],
  ['rescue', 'boot a shell on the console, from the agent’s image; nothing is written but by whoever types there'],
] as const;

const EXAMPLES = `
Nothing is done before a plan was shown and confirmed. Examples:
  --plan                        show exactly what would be done to which disk, and stop
  --yes                         one machine without a warning: do not ask
  --confirm DIGEST              what --plan showed, as it was then, and nothing else
  --acknowledge SERIAL          yes, also the disk that looks like part of a pool
  --concurrency 1               of several machines one after the other
  --max-failures 10%            go on until more than a tenth of them have failed; else the first failure stops the rest`;

/** Of commands for several machines. */
const batchedOptions = (command: Command, unsaid: string): Command =>
  command
    .option(
      '--max-failures <number>',
      `of several machines: so many may fail (or 10%), one more cancels those not begun; ${unsaid}`,
      parseMaxFailures,
    )
    .option('--concurrency <number>', 'at most so many at once', wholeNumber('--concurrency', 1, 1000));

/** Durable operations. */
export function addJobCommands(program: Command, { term, daemon, end }: Shell): void {
  for (const [kind, summary] of PLANNED) {
    const command = selectorOptions(program.command(`${kind} [machines...]`).summary(summary))
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .option('--plan', 'show what would be done, and do nothing')
      .option('-y, --yes', 'do not ask; one machine without warnings only')
      .option('--confirm <digest>', 'do what a plan with this digest says')
      .option('--acknowledge <serial>', 'repeatable: a disk that needs an acknowledgement of its own', collect, [])
      .option('--wait', 'show progress, and exit by the result')
      .addOption(outputOption())
      .addHelpText('after', EXAMPLES);
    batchedOptions(command, 'none where nothing is said');
    if (kind === 'install' || kind === 'reprovision') {
      command
        .option('-p, --profile <name>', 'what to install; else what the machine or its class names')
        .option('--approval <id>', 'under a standing approval, which says what is installed: nobody is asked');
    }
    if (kind === 'upgrade') command.option('--to <release>', 'of Talos; else the one that the cluster’s document says');
    if (kind === 'reset') {
      command
        .addOption(
          new Option('--erase <what>', 'of a member of a cluster: its system disk, or STATE and EPHEMERAL').choices([
            'disk',
            'configuration',
          ]),
        )
        .option('--no-graceful', 'a member of a cluster does not leave it first');
    }
    if (kind !== 'install' && kind !== 'upgrade' && kind !== 'rollback') {
      command.addOption(
        new Option('--method <name>', 'how to erase; best takes the strongest that a disk really has').choices([
          'best',
          ...WIPE_METHODS,
        ]),
      );
    }
    if (kind === 'wipe') command.option('--disk <serial>', 'repeatable: only this one', collect, []);
    command.action(async (names: readonly string[], options: JobOptions, self: Command) =>
      end(await planned(term, await daemon(self), kind, names, options)),
    );
  }

  for (const [kind, summary] of UNPLANNED) {
    const command = selectorOptions(program.command(`${kind} [machines...]`).summary(summary))
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .option('--wait', 'show progress, and exit by the result')
      .addOption(outputOption());
    batchedOptions(command, 'any number where nothing is said').action(
      async (names: readonly string[], options: JobOptions, self: Command) =>
        end(await unplanned(term, await daemon(self), kind, names, options)),
    );
  }

  const job = program
    .command('job')
    .summary('jobs: list, show, logs, cancel')
    .description('Durable operations on machines.');
  job
    .command('list')
    .alias('ls')
    .summary('newest first')
    .option('-m, --machine <name>', 'only of this one')
    .option('-b, --batch <id>', 'only those that were asked for together')
    .option('-n, --limit <number>', 'how many', wholeNumber('--limit', 1, 1000), 50)
    .addOption(watchOption())
    .addOption(outputOption())
    .action(async (options: Parameters<typeof listJobs>[2], self: Command) =>
      listJobs(term, await daemon(self), options),
    );
  job
    .command('show <id>')
    .summary('its steps, its plan, and how it ended')
    .addOption(outputOption())
    .action(async (id: string, { output }: { readonly output: Format }, self: Command) =>
      showJob(term, await daemon(self), id, output),
    );
  job
    .command('logs <id>')
    .summary('what happened, line by line')
    .option('-f, --follow', 'until it is over')
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .action(async (id: string, options: Parameters<typeof jobLogs>[3], self: Command) =>
      end(await jobLogs(term, await daemon(self), id, options)),
    );
  job
    .command('cancel [ids...]')
    .summary('end jobs; one that writes ends at its next safe point')
    .option('-b, --batch <id>', 'all that were asked for together, and are not over')
    .action(async (ids: readonly string[], options: { readonly batch?: string }, self: Command) =>
      cancelJobs(term, await daemon(self), ids, options),
    );

  const certificate = program.command('certificate').summary('certificates of erasure: list, show, verify, key');
  certificate
    .command('list')
    .alias('ls')
    .summary('of the newest jobs first')
    .option('-m, --machine <name>', 'only of this one')
    .option('-n, --limit <number>', 'how many', wholeNumber('--limit', 1, 1000), 50)
    .addOption(outputOption())
    .action(async (options: Parameters<typeof listCertificates>[2], self: Command) =>
      listCertificates(term, await daemon(self), options),
    );
  certificate
    .command('show <job>')
    .summary('what a job, or the newest of a machine, erased; -o json is the file to keep')
    .option('--html', 'a page to read and to print, complete in itself')
    .addOption(outputOption())
    .action(async (id: string, options: Parameters<typeof showCertificate>[3], self: Command) =>
      showCertificate(term, await daemon(self), id, options),
    );
  certificate
    .command('key')
    .summary('by which this daemon signs them: SHA-256, and PEM')
    .addOption(outputOption())
    .action(async ({ output }: { readonly output: Format }, self: Command) =>
      showKey(term, await daemon(self), output),
    );
  certificate
    .command('verify <file>')
    .summary('is it as it was signed, and by whom? needs no daemon; - reads standard input')
    .option('--key <fingerprint>', 'SHA-256 of the key that must have signed it')
    .action(async (file: string, options: { readonly key?: string }) => verifyFile(term, file, options));
}
