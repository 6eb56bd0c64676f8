import type { Command } from 'commander';
import { boot } from '../commands/boot.ts';
import { explainConfig } from '../commands/explain-config.ts';
import { explain } from '../commands/explain.ts';
import { addLoader, type AddLoaderOptions, listLoaders } from '../commands/loader.ts';
import { trace, type TraceOptions } from '../commands/trace.ts';
import type { Selection } from '../machine-names.ts';
import type { Format } from '../output/format.ts';
import { outputOption, selectorOptions, type Shell } from '../command-groups.ts';

type WithOutput = { readonly output: Format };

/** Booting: permitting it, watching it, and asking why. */
export function addBootCommands(program: Command, { term, daemon, end }: Shell): void {
  program
    .command('explain <machine>')
    .summary('which rule decides for a machine (name or MAC), and the script it would get, byte for byte')
    .option('--configured', 'instead: what is configured for it, and who said each value (also --config, at the end)')
    .addOption(outputOption())
    .action(
      async (of: string, { output, configured }: WithOutput & { readonly configured?: boolean }, self: Command) =>
        configured === true
          ? explainConfig(term, await daemon(self), of, output)
          : explain(term, await daemon(self), of, output),
    );
  program
    .command('trace <machine>')
    .summary('what happened during its newest boot, the verdict, and what to try next')
    .option('-f, --follow', 'go on while it boots')
    .option('--attempt <id>', 'another boot than the newest')
    .option('--pcap <file>', 'save its packets for tshark; - for standard output')
    .option('-o, --output <format>', 'text or json', 'text')
    .action(async (of: string, options: TraceOptions, self: Command) => trace(term, await daemon(self), of, options));
  selectorOptions(program.command('boot [machines...]').summary('permit one netboot of a profile that writes no disks'))
    .requiredOption('-p, --profile <name>', 'what to boot')
    .action(async (names: readonly string[], options: Selection & { readonly profile: string }, self: Command) =>
      end(await boot(term, await daemon(self), names, options)),
    );

  const loader = program.command('loader').summary('first-stage boot files: list, add');
  loader
    .command('list')
    .alias('ls')
    .summary('which are there, and which are missing')
    .addOption(outputOption())
    .action(async ({ output }: WithOutput, self: Command) => listLoaders(term, await daemon(self), output));
  loader
    .command('add <file>')
    .summary('give the daemon one, from a file or a URL')
    .option('--as <name>', 'the name it is served by, such as ipxe/x86_64/snponly.efi')
    .option('--sha256 <digest>', 'refuse it unless this is its digest; needed with a URL')
    .action(async (source: string, options: AddLoaderOptions, self: Command) =>
      addLoader(term, await daemon(self), source, options),
    );
}
