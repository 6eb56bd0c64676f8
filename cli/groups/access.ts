import type { Command } from 'commander';
import { ROLES } from '#machines/contract/api/role.ts';
import { createToken, listTokens, login, removeTokens, showAudit, verifyAudit } from '../commands/access.ts';
import { listContexts, logInto, type LoginOptions, logOut, removeContext, useContext } from '../commands/login.ts';
import {
  changeUser,
  createUser,
  listUsers,
  type NewUserOptions,
  removeUsers,
  setDisabled,
  setPassword,
  type UserChanges,
} from '../commands/user.ts';
import { badInput } from '../failure.ts';
import type { Format } from '../output/format.ts';
import { collect, outputOption, type Shell, watchOption, wholeNumber } from '../command-groups.ts';
import type { GlobalOptions } from '../where.ts';

type WithOutput = { readonly output: Format };

/** Who may come in, and who did what. */
export function addAccessCommands(program: Command, { term, daemon, end }: Shell): void {
  program
    .command('login [url]')
    .summary('log in to a daemon, or print an address that opens the web page, once')
    .description(
      'With --user or --token: asks for the password or the token, and keeps the session in a context. Without: prints an address that opens the web page of the current daemon, once.',
    )
    .option('-u, --user <name>', 'with a password')
    .option('--token', 'with a token that is typed or piped')
    .option('--password-stdin', 'read the password or the token from standard input')
    .option('--name <context>', 'call the context so; the daemon’s host otherwise')
    .option('--fingerprint <sha256>', 'the certificate that the daemon shows, as ingot serve prints it')
    .option('--ca <file>', 'the certificates (PEM) that may have signed the daemon’s')
    .option('--certificate <file>', 'a client certificate (PEM) of yours, in the place of a password')
    .option('--key <file>', 'its key (PEM)')
    .addOption(outputOption())
    .addHelpText('after', LOGIN_EXAMPLES)
    .action(async (url: string | undefined, options: LoginOptions & WithOutput, self: Command) => {
      const isLogin = options.user !== undefined || options.token === true || options.certificate !== undefined;
      if (!isLogin && url !== undefined) {
        throw badInput(
          `ingot login ${url}: want --user NAME, --token or --certificate FILE with it`,
          `  next: ingot login ${url} --user NAME; without an address, ingot login opens the web page of the daemon here`,
        );
      }
      if (!isLogin) return login(term, await daemon(self), options.output);
      const globals = self.optsWithGlobals<GlobalOptions & LoginOptions>();
      return logInto(term, { ...globals }, url, options);
    });
  program
    .command('logout')
    .summary('end the session of the current context, and forget it')
    .action(async (_options: object, self: Command) =>
      logOut(term, await daemon(self), self.optsWithGlobals<GlobalOptions>()),
    );

  const context = program.command('context').summary('daemons that you have logged in to: list, use, remove');
  context
    .command('list', { isDefault: true })
    .alias('ls')
    .summary('all of them; * is the one that commands ask')
    .addOption(outputOption())
    .action(({ output }: WithOutput) => listContexts(term, output));
  context
    .command('use <name>')
    .summary('commands ask this one from now on')
    .action((name: string) => useContext(term, name));
  context
    .command('remove <name>')
    .alias('rm')
    .summary('forget it; what its token may do is not changed')
    .action((name: string) => removeContext(term, name));

  addUserCommands(program, { term, daemon, end });

  const token = program.command('token').summary('tokens: create, list, remove');
  token
    .command('create <name>')
    .summary('make a token; its secret is printed once')
    .option('-r, --role <role>', ROLES.join(', '), 'viewer')
    .option('-s, --scope <conditions>', 'only machines with these labels: rack=r1,env!=prod')
    .option('--days <number>', 'void after so many days; never otherwise', wholeNumber('--days', 1, 3650))
    .addOption(outputOption())
    .action(
      async (
        name: string,
        options: WithOutput & { readonly role: string; readonly days?: number; readonly scope?: string },
        self: Command,
      ) => createToken(term, await daemon(self), name, options),
    );
  token
    .command('list')
    .alias('ls')
    .summary('tokens and sessions, without their secrets')
    .addOption(outputOption())
    .addOption(watchOption())
    .action(async (options: WithOutput & { readonly watch?: boolean }, self: Command) =>
      listTokens(term, await daemon(self), options),
    );
  token
    .command('remove <ids...>')
    .alias('rm')
    .summary('void tokens or sessions at once')
    .action(async (ids: readonly string[], _options: object, self: Command) =>
      end(await removeTokens(term, await daemon(self), ids)),
    );

  const audit = program.command('audit').summary('who changed what, and whether the log is as it was written');
  audit
    .command('list', { isDefault: true })
    .alias('ls')
    .summary('who changed what, newest first')
    .option('-n, --limit <number>', 'how many', wholeNumber('--limit', 1, 1000), 100)
    .option('--before <seq>', 'older than this entry')
    .addOption(outputOption())
    .action(async (options: WithOutput & { readonly limit: number; readonly before?: string }, self: Command) =>
      showAudit(term, await daemon(self), options),
    );
  audit
    .command('verify')
    .summary('find entries that were changed, removed or put in; print the newest hash')
    .option('--head <hash>', 'a hash that was printed earlier and kept elsewhere: it must still be there')
    .addOption(outputOption())
    .addHelpText('after', VERIFY_EXAMPLES)
    .action(async ({ head, output }: WithOutput & { readonly head?: string }, self: Command) =>
      end(await verifyAudit(term, await daemon(self), head, output)),
    );
}

const LOGIN_EXAMPLES = `
Examples:
  ingot login                                                   an address for your browser
  ingot login https://10.0.0.5:4680 --user anna --fingerprint 3f:9a:…   pinned at the first visit
  ingot login --token --password-stdin < token.txt              what ingot token create printed`;

const VERIFY_EXAMPLES = `
Examples:
  ingot audit verify | tee -a /mnt/elsewhere/audit-heads        keep the newest hash where the daemon cannot write
  ingot audit verify --head 5c0e…                               nothing up to there was cut off or written anew

Exit status: 0 as it was written; 1 it is not, and every finding is printed.`;

/** People who may log in. */
function addUserCommands(program: Command, { term, daemon, end }: Shell): void {
  const user = program.command('user').summary('users: list, create, change, password, disable, enable, remove');
  user
    .command('list', { isDefault: true })
    .alias('ls')
    .summary('who may log in, and how')
    .addOption(outputOption())
    .action(async ({ output }: WithOutput, self: Command) => listUsers(term, await daemon(self), output));
  user
    .command('create <name>')
    .summary('make a user; asks for the password')
    .option('-r, --role <role>', ROLES.join(', '), 'viewer')
    .option('-s, --scope <conditions>', 'only machines with these labels: rack=r1,env!=prod')
    .option('--certificate <sha256>', 'a client certificate that is theirs; repeatable', collect)
    .option('--password-stdin', 'read the password from standard input')
    .option('--no-password', 'no password: a certificate or an OpenID provider lets them in')
    .action(async (name: string, options: NewUserOptions, self: Command) =>
      createUser(term, await daemon(self), name, options),
    );
  user
    .command('change <name>')
    .summary('give a user another role, scope or certificates; their sessions and tokens end')
    .option('-r, --role <role>', ROLES.join(', '))
    .option('-s, --scope <conditions>', 'only machines with these labels')
    .option('--all-machines', 'no scope any more')
    .option('--certificate <sha256>', 'these client certificates and no other; repeatable', collect)
    .option('--remove-certificates', 'none any more')
    .action(async (name: string, options: UserChanges & { readonly removeCertificates?: boolean }, self: Command) =>
      changeUser(term, await daemon(self), name, {
        ...options,
        ...(options.removeCertificates === true ? { noCertificates: true } : {}),
      }),
    );
  user
    .command('password <name>')
    .summary('set a password: anyone’s as an admin, or your own')
    .option('--password-stdin', 'read it from standard input')
    .action(async (name: string, options: { readonly passwordStdin?: boolean }, self: Command) =>
      setPassword(term, await daemon(self), name, options),
    );
  for (const [verb, disabled, summary] of [
    ['disable', true, 'let users in no more: their sessions and tokens end'],
    ['enable', false, 'let users in again'],
  ] as const) {
    user
      .command(`${verb} <names...>`)
      .summary(summary)
      .action(async (names: readonly string[], _options: object, self: Command) =>
        end(await setDisabled(term, await daemon(self), names, disabled)),
      );
  }
  user
    .command('remove <names...>')
    .alias('rm')
    .summary('forget users: their sessions and tokens end')
    .action(async (names: readonly string[], _options: object, self: Command) =>
      end(await removeUsers(term, await daemon(self), names)),
    );
}
