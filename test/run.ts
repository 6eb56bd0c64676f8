import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './runner/checks.ts';
import { parseCommandLine, USAGE } from './runner/command-line.ts';
import { waitForNoLeftovers } from './runner/leftovers.ts';
import { readMachineState, RUN_MARK } from './runner/machine-state.ts';
import { preparePackages } from './runner/prepare.ts';
import { progressLine, report } from './runner/report.ts';
import { runAll } from './runner/run-all.ts';
import type { FileRun } from './runner/run-file.ts';
import { filesOfTier, findTestFiles, needsLab } from './runner/tiers.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = parseCommandLine(process.argv.slice(2), root);
if (command.kind === 'wrong') {
  console.error(`${command.text}\n${USAGE}`);
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

const run = String(process.pid);
const before = readMachineState(run);
const runs: FileRun[] = [];
const files = command.kind === 'files' ? command.files : filesOfTier(findTestFiles(root), command.tier, command.added);
const common = {
  root,
  env: {
    ...process.env,
    [RUN_MARK]: run,
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    NODE_COMPILE_CACHE: join(root, '.cache', 'compiled'),
  },
  signal: stop.signal,
  done(fileRun: FileRun) {
    runs.push(fileRun);
    console.log(progressLine(fileRun));
  },
};

const noPackages = files.some(needsLab) ? await preparePackages(common) : undefined;
const env = { ...common.env, ...(noPackages !== undefined && { INGOT_NO_PACKAGES: noPackages }) };
if (command.kind === 'tier' && !command.added) await runChecks(common);
await runAll({ ...common, env, files });
if (command.kind === 'tier') {
  const results = await waitForNoLeftovers(before, () => readMachineState(run));
  common.done({ file: 'leftovers', results, output: '', durationMs: 0 });
}

if (stop.signal.aborted) console.log('\nstopped before the end');
const { text, counts } = report(runs);
console.log(text);
process.exitCode = counts.failed > 0 || counts.passed === 0 || stop.signal.aborted ? 1 : 0;
