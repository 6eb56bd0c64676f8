import type { Job } from '#machines/contract/job.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { Step, StepContext } from '#services/jobs/contract.ts';
import { type AgentParts, confirmedPlan, powerAsked, rebootAgent } from './agent-session.ts';
import { done, failed, MINUTE_MS } from './step-outcome.ts';

/** How a job boots a network installer, and hears of it. */
export type Installers = {
  /** Permits one boot of a profile that writes, under the confirmed plan of the job `by`. Gives the grant’s id. */
  permit(machine: string, profile: string, by: string): Promise<string>;
  /** Newest first. */
  attemptsOf(machine: string): Promise<readonly Attempt[]>;
  eventsOf(attempt: string): Promise<readonly TraceEvent[]>;
  /** Called for each event as it is recorded. Ends with the returned function. */
  watch(listener: (attempt: Attempt, event: TraceEvent | undefined) => void): () => void;
  /** Nothing more is read by that boot’s token. */
  over(attempt: string): Promise<void>;
};

export type InstallerParts = AgentParts & { readonly installers: Installers };

/** A server’s self-test, then an installer’s kernel and initrd over a slow line. */
const BOOT_MS = 30 * MINUTE_MS;
/** A full system from a mirror far away. */
const INSTALL_MS = 3 * 60 * MINUTE_MS;
const SIGN_MS = 30_000;

const GRANT = 'installer-grant';
export const INSTALLER_ATTEMPT = 'installer-attempt';
const ATTEMPT = INSTALLER_ATTEMPT;

/**
 * From the agent, by which the machine was proven, into the installer of the job’s profile: the machine netboots it once,
 * and what it reads of its configuration names the plan’s disk and no other.
 */
export const bootInstallerStep = (parts: InstallerParts): Step =>
  bootIntoStep(parts, { name: 'boot-installer', what: 'the installer' });

/** The same for whatever is booted under the job's grant. */
export function bootIntoStep(
  parts: InstallerParts,
  {
    name,
    what,
    profileOf = confirmedProfile,
  }: {
    readonly name: string;
    readonly what: string;
    /** What may be booted; nothing where nobody has confirmed it. */
    readonly profileOf?: (job: Job) => string | undefined;
  },
): Step {
  const { installers } = parts;
  return {
    name,
    tries: 2,
    silentMs: 10 * MINUTE_MS,
    async already(context) {
      const attempt = await fetchedBy(context.job().notes[GRANT], context.job().machine, installers);
      if (attempt === undefined) return undefined;
      await context.note(ATTEMPT, attempt);
      return `boot attempt ${attempt} has fetched ${what}`;
    },
    async run(context) {
      const { id, machine } = context.job();
      const profile = profileOf(context.job());
      if (profile === undefined) {
        return failed('nobody confirmed a plan that names a profile', `ingot install ${machine} --plan`);
      }
      const grant = await installers.permit(machine, profile, `job:${id}`);
      await context.note(GRANT, grant);
      const booted = heardOf(context, parts, BOOT_MS, `waits for the boot of ${what}`, (attempt, event) =>
        attempt.machine === machine && event.kind === 'grant-spent' && event.grant === grant ? attempt.id : undefined,
      );
      // Whatever comes of it is looked at below; a rejection meanwhile must not end the daemon.
      booted.catch(() => {});
      const agent = await rebootAgent(context, parts);
      if (agent) context.progress(`the agent reboots into ${what}`);
      // Where a person holds the switch, it has booted long before that person says so.
      const enough = new AbortController();
      const signal = AbortSignal.any([context.signal, enough.signal]);
      const restarted = agent
        ? booted
        : parts.power.netboot(machine, powerAsked(context.job()), signal, context.progress).then(() => booted);
      const attempt = await Promise.race([booted, restarted]).finally(() => enough.abort());
      if (attempt === undefined) {
        const because = `no boot of ${machine} fetched ${what} within ${BOOT_MS / MINUTE_MS} minutes`;
        return { kind: 'again', because, afterMs: 1000 };
      }
      await context.note(ATTEMPT, attempt);
      return done(`boot attempt ${attempt} has fetched ${what}`);
    },
  };
}

/** The last thing that an installer does is to call `/report/ATTEMPT`; then its boot may read nothing any more. */
export function awaitReportStep(parts: InstallerParts): Step {
  const { installers } = parts;
  return {
    name: 'await-report',
    // It is not begun again: an installer that stopped half-way is for a person to look at.
    tries: 10,
    silentMs: 10 * MINUTE_MS,
    async already(context) {
      const attempt = context.job().notes[ATTEMPT];
      const events = attempt === undefined ? [] : await installers.eventsOf(attempt);
      if (attempt === undefined || !events.some(isReport)) return undefined;
      await installers.over(attempt);
      return 'the installer has reported';
    },
    async run(context) {
      const { machine, notes, startedAt = parts.now() } = context.job();
      const attempt = notes[ATTEMPT];
      const left = startedAt + BOOT_MS + INSTALL_MS - parts.now();
      const reported =
        attempt !== undefined &&
        (await heardOf(context, parts, Math.max(0, left), 'the installer is at work', (of, event) =>
          of.id === attempt && isReport(event) ? true : undefined,
        ));
      if (attempt !== undefined) await installers.over(attempt);
      if (reported === true) return done('the installer has reported; the machine boots from its own disk');
      return failed(
        `the installer has not reported within ${INSTALL_MS / 60 / MINUTE_MS} hours`,
        `ingot trace ${machine}, and look at its console; its disk may hold half a system`,
      );
    },
  };
}

const confirmedProfile = (job: Job): string | undefined => confirmedPlan(job)?.profile;

const isReport = (event: TraceEvent): boolean => event.kind === 'reported' && event.by === 'phone-home';

async function fetchedBy(
  grant: string | undefined,
  machine: string,
  installers: Installers,
): Promise<string | undefined> {
  if (grant === undefined) return undefined;
  for (const { id } of await installers.attemptsOf(machine)) {
    const events = await installers.eventsOf(id);
    if (events.some((event) => event.kind === 'grant-spent' && event.grant === grant)) return id;
  }
  return undefined;
}

/** What `look` finds in an event as it is recorded; nothing when the time is over. Signs of life meanwhile. */
async function heardOf<T>(
  context: StepContext,
  { installers }: InstallerParts,
  ms: number,
  waiting: string,
  look: (attempt: Attempt, event: TraceEvent) => T | undefined,
): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const unwatch = installers.watch((attempt, event) => {
    const found = event && look(attempt, event);
    if (found !== undefined) resolve(found);
  });
  const aborted = (): void => reject(context.signal.reason as Error);
  context.signal.addEventListener('abort', aborted, { once: true });
  const limit = setTimeout(() => resolve(undefined), ms);
  const signs = setInterval(() => context.progress(waiting), SIGN_MS);
  context.progress(waiting);
  try {
    return await promise;
  } finally {
    unwatch();
    clearTimeout(limit);
    clearInterval(signs);
    context.signal.removeEventListener('abort', aborted);
  }
}
