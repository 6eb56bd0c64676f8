import { randomBytes } from 'node:crypto';
import { enableCompileCache } from 'node:module';
import { EXIT } from '#machines/contract/exit-status.ts';
import { VERSION } from '#machines/contract/version.ts';
import { configSamples } from '#services/templates/config-samples.ts';
import { grubSamples } from '#services/templates/grub-samples.ts';
import { ipxeSamples } from '#services/templates/ipxe-samples.ts';
import { openTemplates } from '#services/templates/templates.ts';
import { StoreError } from '#services/store/store-error.ts';
import { runBackup, runRestore } from './backup/run-backup.ts';
import { type CommandLine, parseCommandLine } from './command-line.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load-config.ts';
import type { Finding } from './doctor/finding.ts';
import { reportText, summaryText } from './doctor/report.ts';
import { afterFailing, beforeServing, startDoctor } from './doctor/start-doctor.ts';
import { openLog } from './log.ts';
import { reloads } from './reload.ts';
import { serve, TEMPLATES_DIR } from './serve.ts';
import { inheritanceOf, inheritedSockets } from './sockets/inherited-sockets.ts';
import { openSupervisor } from './sockets/supervisor.ts';
import { noteRestored } from './void-all.ts';

// The daemon: `serve` until it is told to stop; `doctor`, `backup` and `restore` once. Only this file touches argv, environment and signals.
enableCompileCache();
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// Of a terminal SIGHUP says that it is gone, of a supervisor that the configuration is to be read anew.
const reloading = reloads();
process.on('SIGHUP', () => void (process.stdin.isTTY ? stop.abort() : reloading.reload()));
const color = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;

process.exitCode = await main();

async function main(): Promise<number> {
  const command = parseCommandLine(process.argv.slice(2));
  if (command.kind === 'wrong') return complain(EXIT.badInput, [command.text]);
  const { options } = command;
  const loaded = await loadConfig({ ...options, cwd: process.cwd() });
  if (!loaded.ok) return complain(EXIT.badInput, loaded.issues);
  if (command.kind === 'backup' || command.kind === 'restore') return await backupOrRestore(command, loaded.config);
  const inherited = inheritanceOf(inheritedSockets(process.env, process.pid));
  const look = { ...loaded, now: Date.now, signal: stop.signal, inherited };
  if (command.kind === 'doctor') return report(await startDoctor(look), options.json);

  const templates = await openTemplates({
    dir: TEMPLATES_DIR,
    samples: [...ipxeSamples(), ...grubSamples(), ...configSamples()],
  });
  if (!templates.ok) return complain(EXIT.badInput, templates.errors);
  // With an interface on the command line somebody is trying it out on a real network: everything is looked at first.
  const findings = options.interfaces.length > 0 ? await startDoctor(look) : await beforeServing(look);
  if (options.interfaces.length > 0) process.stdout.write(reportText(findings, { color }));
  const errors = errorsOf(findings);
  if (errors.length > 0) return complain(EXIT.badInput, errors);

  const log = openLog({ level: loaded.config.log.level, human: process.stderr.isTTY, color });
  try {
    const say = (text: string): void => void process.stdout.write(text);
    await serve({
      config: loaded.config,
      templates: templates.templates,
      log,
      say,
      signal: stop.signal,
      inherited,
      supervisor: await openSupervisor(process.env, process.pid),
      reloading: { reloads: reloading, load: () => loadConfig({ ...options, cwd: process.cwd() }) },
    });
    return EXIT.done;
  } catch (error) {
    if (error instanceof StoreError) return complain(EXIT.failed, [error.message]);
    const because = errorsOf(await afterFailing(look));
    if (because.length > 0) return complain(EXIT.badInput, because);
    log.fatal({ err: error }, 'the daemon cannot go on');
    return complain(EXIT.failed, [chainOf(error)]);
  }
}

async function backupOrRestore(
  command: Extract<CommandLine, { readonly kind: 'backup' | 'restore' }>,
  config: Config,
): Promise<number> {
  const world = {
    config,
    cwd: process.cwd(),
    credentialsDir: process.env['CREDENTIALS_DIRECTORY'],
    stdin: process.stdin,
    stdout: process.stdout,
    say: (line: string): void => void process.stderr.write(`${line}\n`),
    signal: stop.signal,
    now: Date.now,
    random: randomBytes,
  };
  if (command.kind === 'backup') return await runBackup(command.backup, { ...world, version: VERSION });
  const note = (because: string): Promise<void> => noteRestored(config.dataDir, because);
  return await runRestore(command.restore, { ...world, note });
}

function report(findings: readonly Finding[], json: boolean): number {
  process.stdout.write(
    json ? `${JSON.stringify(findings, undefined, 2)}\n` : reportText(findings, { color }) + summaryText(findings),
  );
  return findings.some(({ level }) => level !== 'ok') ? EXIT.failed : EXIT.done;
}

/** What is wrong, a line each, with its place in the file. */
function errorsOf(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap((finding) =>
    finding.level === 'error' ? [`${finding.where}: ${finding.text}; ${finding.fix}`] : [],
  );
}

function complain(status: number, lines: readonly string[]): number {
  for (const line of lines) process.stderr.write(`ingot: ${line}\n`);
  return status;
}

/** An error and what caused it, outermost first. */
function chainOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(chainOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${chainOf(error.cause)}`;
}
