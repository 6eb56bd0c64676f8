import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Compiled code is kept in the checkout, as the daemon's is: a command begins in half the time. Only what is imported from
// here on counts. A release is bundled, and nothing is written beside it.
if (existsSync(join(import.meta.dirname, '../tsconfig.json')))
  enableCompileCache(join(import.meta.dirname, '../.cache/compiled/cli'));
const [{ runCommandLine }, { thisTerminal }] = await Promise.all([
  import('./program.ts'),
  import('./this-terminal.ts'),
]);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// `ingot machine list | head` closes the pipe early: nobody reads the rest.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCommandLine(process.argv.slice(2), thisTerminal(stop.signal));
