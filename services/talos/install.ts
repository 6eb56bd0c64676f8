import { isOver } from '#machines/os/talos/sequence.ts';
import type { MachineApiClient } from '#services/machine-api/client.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { type Followed, type FollowedEnd, type TalosNode, talosNode } from './node.ts';

export type InstallProgress =
  | { readonly kind: 'working'; readonly phase: string; readonly task?: string }
  /** It said that it reboots: the disk is written. */
  | { readonly kind: 'rebooting' }
  /** It cannot be reached, or shows another identity than either of the two; as when it restarts. */
  | { readonly kind: 'away'; readonly because: string };

export type InstallEnd =
  /** It booted from its disk, whose kernel name this is. */
  { readonly kind: 'installed'; readonly disk: string } | { readonly kind: 'failed'; readonly because: string };

/** Before the machine has its configuration, and after: the identity that it shows changes with it, and by reboots. */
export type Mode = 'maintenance' | 'running';

type Parts = {
  readonly definition: MachineApiDefinition;
  /** Rejects with a `MachineApiError` where the machine is not there, or not in that mode. */
  readonly open: (mode: Mode, signal: AbortSignal) => Promise<MachineApiClient>;
  /** Between two tries. */
  readonly pause: (signal: AbortSignal) => Promise<void>;
  /** How long to listen to one connection before the machine is asked again. */
  readonly round: () => AbortSignal;
  /** The deadline too: an install that never ends is the caller's to end. */
  readonly signal: AbortSignal;
};

/**
 * Watches an install that was begun by a configuration, until the machine has booted from its disk. Releases differ in
 * how it is told: those before 1.13 tell nothing in maintenance, those before 1.14 by the sequence `install`, later ones
 * by a resource. Never acts, so it may be begun again at any time.
 */
export async function* watchInstall(parts: Parts): AsyncGenerator<InstallProgress, InstallEnd, undefined> {
  const { signal, pause } = parts;
  for (;;) {
    signal.throwIfAborted();
    const opened = await reach(parts);
    if (opened.kind === 'away') yield opened;
    else {
      using _client = opened.client;
      const end = yield* oneRound(parts, opened.node, opened.mode);
      if (end) return end;
    }
    await pause(signal);
  }
}

type Reached =
  | { readonly kind: 'reached'; readonly mode: Mode; readonly client: MachineApiClient; readonly node: TalosNode }
  | { readonly kind: 'away'; readonly because: string };

async function reach({ definition, open, signal }: Parts): Promise<Reached> {
  const because: string[] = [];
  for (const mode of ['running', 'maintenance'] as const) {
    try {
      const client = await open(mode, signal);
      try {
        return { kind: 'reached', mode, client, node: await talosNode({ definition, client, signal }) };
      } catch (error) {
        client[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof MachineApiError)) throw error;
      because.push(`${mode}: ${error.message}`);
    }
  }
  return { kind: 'away', because: because.join('; ') };
}

async function* oneRound(
  parts: Parts,
  node: TalosNode,
  mode: Mode,
): AsyncGenerator<InstallProgress, InstallEnd | undefined, undefined> {
  try {
    const unattended = await node.unattendedInstall();
    if (unattended?.phase === 'failed') return { kind: 'failed', because: unattended.error };
    if (unattended && mode === 'maintenance') yield { kind: 'working', phase: unattended.phase };
    const disk = mode === 'running' ? await node.systemDisk() : undefined;
    const isDone = unattended === undefined || unattended.phase === 'installed';
    // One that has been up for long may have forgotten the events of its boot.
    if (disk !== undefined && isDone && (await node.stage()) === 'running') return { kind: 'installed', disk };
    for await (const state of rounds(parts, (until) => node.follow(['install', 'boot'], until))) {
      if (state.kind === 'failed' || state.kind === 'locked') return { kind: 'failed', because: state.because };
      if (state.kind === 'rebooting') yield { kind: 'rebooting' };
      else if (state.kind === 'running' || state.kind === 'finished') {
        // A system disk may also be one that is being written. Only a boot proves that it is done: an install ends in
        // a reboot, and the history of events begins anew with it. An unattended install runs beside a boot from memory,
        // so there the boot proves nothing while the install says that it is not over.
        if (state.sequence === 'boot' && disk !== undefined && isDone) return { kind: 'installed', disk };
        if (state.kind === 'running') yield working(state);
      }
    }
  } catch (error) {
    if (!(error instanceof MachineApiError)) throw error;
    // Before 1.13 maintenance has no events; and whoever restarts in the middle of an answer is away.
    yield { kind: 'away', because: error.message };
  }
  return undefined;
}

const working = ({ phase, task }: Followed & { readonly kind: 'running' }): InstallProgress => ({
  kind: 'working',
  phase: phase ?? 'begins',
  ...(task === undefined ? {} : { task }),
});

/** The states and the end as one sequence; that the round is over ends it. */
async function* rounds(
  { signal, round }: Parts,
  follow: (until: AbortSignal) => AsyncGenerator<Followed, FollowedEnd, undefined>,
): AsyncGenerator<Followed | FollowedEnd, void, undefined> {
  const own = round();
  const states = follow(AbortSignal.any([signal, own]));
  try {
    for (;;) {
      const next = await states.next();
      yield next.value;
      if (next.done || (next.value.kind !== 'lost' && isOver(next.value))) return;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!own.aborted) throw error;
  }
}
