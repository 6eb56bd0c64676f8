import { makeProblem, type Problem } from '#machines/contract/api/problem.ts';
import type { AttemptResource } from '#machines/contract/api/trace-resource.ts';
import type { Daemon } from '../daemon.ts';

/** Servers that test their memory take ten minutes to their first packet. */
const LIMIT_MS = 20 * 60_000;
const POLL_MS = 1000;

export type Waited = string | { readonly problem: Problem };

/** Begins what restarts a machine, and waits until the boot that follows has ended. */
export async function untilBooted(
  daemon: Daemon,
  name: string,
  signal: AbortSignal,
  begin: () => Promise<Problem | undefined>,
): Promise<Waited> {
  const newest = async (): Promise<AttemptResource | undefined> =>
    (await daemon.ask('listAttempts', { query: { machine: name, limit: 1 } })).value.items[0];
  const before = (await newest())?.id;
  const problem = await begin();
  if (problem) return { problem };
  const booted = await polled(signal, async () => {
    const attempt = await newest();
    return attempt && attempt.id !== before ? outcomeOf(attempt) : undefined;
  });
  const detail = `it was told to restart, and no boot of it has ended within ${LIMIT_MS / 60_000} minutes`;
  return booted ?? { problem: makeProblem('unavailable', { detail, next: `ingot trace ${name}` }) };
}

/** Nothing while it is still on its way. */
function outcomeOf({ verdict, endedAt }: AttemptResource): Waited | undefined {
  if (verdict.code === 'booted') return 'has restarted';
  if (endedAt === undefined) return undefined;
  return { problem: makeProblem('unavailable', { detail: `it did not boot: ${verdict.cause}`, next: verdict.next }) };
}

/** Waits until the BMC says that it is off. */
export async function untilOff(daemon: Daemon, name: string, signal: AbortSignal): Promise<Waited> {
  const { type } = (await daemon.ask('getMachineBmc', { params: { name } })).value.bmc;
  if (type === 'manual' || type === 'wol') return unseen('it has no BMC that tells');
  const off = await polled(signal, async (): Promise<Waited | undefined> => {
    const answer = await daemon.attempt('getPower', { params: { name } });
    if ('problem' in answer) return unseen(answer.problem.detail ?? answer.problem.title);
    return answer.value.power === 'off' ? 'is off' : undefined;
  });
  return off ?? { problem: makeProblem('unavailable', { detail: 'it was told to turn itself off, and is still on' }) };
}

const unseen = (because: string): Waited => ({
  problem: makeProblem('unavailable', { detail: `it turns itself off, and nobody can see when it is: ${because}` }),
});

/** What `look` finds, or nothing when the time is over. */
async function polled<T>(signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = Date.now() + LIMIT_MS;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
    signal.throwIfAborted();
  }
  return undefined;
}
