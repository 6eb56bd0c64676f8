import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './runner/checks.ts';
import { parseCommandLine, USAGE } from './runner/command-line.ts';
import { progressLine, report } from './runner/report.ts';
import { runAll } from './runner/run-all.ts';
import type { FileRun } from './runner/run-file.ts';
import { filesOfTier, findTestFiles } from './runner/tiers.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = parseCommandLine(process.argv.slice(2), root);
if (command.kind === 'wrong') {
  console.error(`${command.text}\n${USAGE}`);
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

const runs: FileRun[] = [];
const common = {
  root,
  env: {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    NODE_COMPILE_CACHE: join(root, '.cache', 'compiled'),
  },
  signal: stop.signal,
  done(run: FileRun) {
    runs.push(run);
    console.log(progressLine(run));
  },
};

const files = command.kind === 'files' ? command.files : filesOfTier(findTestFiles(root), command.tier, command.added);
if (command.kind === 'tier' && !command.added) await runChecks(common);
await runAll({ ...common, files });

if (stop.signal.aborted) console.log('\nstopped before the end');
const { text, counts } = report(runs);
console.log(text);
process.exitCode = counts.failed > 0 || counts.passed === 0 || stop.signal.aborted ? 1 : 0;
