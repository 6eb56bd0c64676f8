import type { Command } from 'commander';
import { ROLES } from '#machines/contract/api/role.ts';
import { createToken, listTokens, login, removeTokens, showAudit } from '../commands/access.ts';
import type { Format } from '../output/format.ts';
import { outputOption, type Shell } from '../command-groups.ts';

type WithOutput = { readonly output: Format };

/** Who may come in, and who did what. */
export function addAccessCommands(program: Command, { term, daemon, end }: Shell): void {
  program
    .command('login')
    .summary('print an address that opens the web page, once')
    .addOption(outputOption())
    .action(async ({ output }: WithOutput, self: Command) => login(term, await daemon(self), output));

  const token = program.command('token').summary('tokens: create, list, remove');
  token
    .command('create <name>')
    .summary('make a token; its secret is printed once')
    .option('-r, --role <role>', ROLES.join(', '), 'viewer')
    .option('--days <number>', 'void after so many days; never otherwise')
    .addOption(outputOption())
    .action(
      async (name: string, options: WithOutput & { readonly role: string; readonly days?: string }, self: Command) =>
        createToken(term, await daemon(self), name, options),
    );
  token
    .command('list')
    .alias('ls')
    .summary('tokens and sessions, without their secrets')
    .addOption(outputOption())
    .action(async ({ output }: WithOutput, self: Command) => listTokens(term, await daemon(self), output));
  token
    .command('remove <ids...>')
    .alias('rm')
    .summary('void tokens or sessions at once')
    .action(async (ids: readonly string[], _options: object, self: Command) =>
      end(await removeTokens(term, await daemon(self), ids)),
    );

  program
    .command('audit')
    .summary('who changed what, newest first')
    .option('-n, --limit <number>', 'how many', '100')
    .addOption(outputOption())
    .action(async ({ limit, output }: WithOutput & { readonly limit: string }, self: Command) =>
      showAudit(term, await daemon(self), limit, output),
    );
}
