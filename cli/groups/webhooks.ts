import type { Command } from 'commander';
import { collect, oneOf, outputOption, type Shell, watchOption, wholeNumber } from '../command-groups.ts';
import { createWebhook, listDeliveries, listWebhooks, testWebhook } from '../commands/webhook.ts';
import type { Format } from '../output/format.ts';

type WithOutput = { readonly output: Format };

const STATES = ['waiting', 'delivered', 'dead'] as const;

const EXAMPLES = `
Examples:
  ingot webhook create https://chat.example.com/hooks/ingot --event job --event machine.added
  ingot webhook list
  ingot webhook test https://chat.example.com/hooks/ingot      exit status 1 where it was not taken
  ingot webhook deliveries --state dead                        what was given up, and why`;

/** Programs elsewhere that are told what happens. */
export function addWebhookCommands(program: Command, { term, daemon, end }: Shell): void {
  const group = program
    .command('webhook')
    .summary('programs that are told what happens: list, create, test, deliveries')
    .description(
      'Programs elsewhere that are told what happens. They stand in the daemon’s configuration (webhooks:) and nowhere else: what is taken out there is told nothing any more.',
    )
    .addHelpText('after', EXAMPLES);
  group
    .command('list', { isDefault: true })
    .alias('ls')
    .summary('who is told what, and how that goes')
    .addOption(outputOption())
    .addOption(watchOption())
    .action(async (options: WithOutput & { readonly watch?: boolean }, self: Command) =>
      listWebhooks(term, await daemon(self), options),
    );
  group
    .command('create <url>')
    .summary('make a secret, and print the lines for the daemon’s configuration')
    .option('-e, --event <name>', 'repeatable: job, attempt.ended, machine.added …', collect, [])
    .option('--secret-file <file>', 'where the secret is written', 'webhook.secret')
    .action((url: string, options: { readonly event: readonly string[]; readonly secretFile: string }) =>
      createWebhook(term, url, options),
    );
  group
    .command('test <url>')
    .summary('send it the event `test`, once, and say what came of it')
    .addOption(outputOption())
    .action(async (url: string, { output }: WithOutput, self: Command) =>
      end(await testWebhook(term, await daemon(self), url, output)),
    );
  group
    .command('deliveries')
    .summary('what was told whom, newest first')
    .option('--state <state>', STATES.join(', '), oneOf('--state', STATES))
    .option('-n, --limit <number>', 'how many', wholeNumber('--limit', 1, 1000), 50)
    .addOption(outputOption())
    .action(
      async (
        options: WithOutput & { readonly limit: number; readonly state?: (typeof STATES)[number] },
        self: Command,
      ) => listDeliveries(term, await daemon(self), options),
    );
}
