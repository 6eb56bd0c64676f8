import { z } from 'zod';
import type { EtcdMembers, EtcdStatus } from '#machines/api/messages/etcd.ts';
import { SYSTEM } from '#machines/api/messages/installing.ts';
import type { ApplyMode } from '#machines/api/messages/life.ts';
import { afterEvent, isOver, type SequenceEnd, type SequenceState, WAITING } from '#machines/os/talos/sequence.ts';
import { isAtLeast, parseTalosVersion, type TalosVersion } from '#machines/os/talos/version.ts';
import { type CallOptions, type MachineApiClient, only } from '#services/machine-api/client.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { type MachineEvent, readEvent } from '#services/machine-api/events.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { parse } from 'yaml';

/** The old Upgrade pulls and checks the image before it answers. */
const LEGACY_UPGRADE_MS = 15 * 60_000;
const APPLY_MS = 60_000;

/** Its end, or that the connection ended before: the machine may be rebooting, and only asking it again can tell. */
export type FollowedEnd = SequenceEnd | { readonly kind: 'lost'; readonly last: SequenceState };
export type Followed = SequenceState | FollowedEnd;

export type Applied = {
  readonly mode: ApplyMode | number;
  /** What the machine would say to a person; with `dryRun` the differences. */
  readonly details: string;
  readonly warnings: readonly string[];
};

export type Bootstrapped =
  | { readonly kind: 'bootstrapped' }
  /** etcd has data: it was done before, so asking again after a lost answer is safe. */
  | { readonly kind: 'already' }
  /** Too early: it boots, or its clock is not set. To be asked again. */
  | { readonly kind: 'not-yet'; readonly because: string };

export type Health = {
  readonly stage: string;
  readonly ready: boolean;
  readonly unmet: readonly { readonly name: string; readonly reason: string }[];
  /** Services that are not well, by name, and what they last said. */
  readonly unwell: readonly { readonly id: string; readonly state: string; readonly message: string }[];
};

export type Reset = {
  /** Drains the node and leaves etcd first; needs a configuration. */
  readonly graceful: boolean;
  /** `disk`: all of the system disk. `configuration`: STATE and EPHEMERAL, after which it waits in maintenance. */
  readonly what: 'disk' | 'configuration';
  readonly afterwards: 'reboot' | 'power-off';
  /** It has begun: the actor by which its events can be followed again. */
  readonly begun?: (actor: string) => Promise<void>;
};

export type Upgrade = {
  readonly installer: string;
  /** An earlier call came that far, and only the reboot is left. Releases before 1.13 do both in one. */
  readonly isInstalled?: boolean;
  /** The installer came to its end, before the reboot is asked for. */
  readonly installed?: () => Promise<void>;
};

/** Rejects with a `MachineApiError` wherever the machine refuses a call, or with the reason of the signal. */
export type TalosNode = {
  readonly version: TalosVersion;
  /** In maintenance too, where it begins the install. */
  applyConfig(config: string, options?: { readonly mode?: ApplyMode; readonly dryRun?: boolean }): Promise<Applied>;
  /** On one control plane of the cluster, and only there. */
  bootstrap(): Promise<Bootstrapped>;
  /** The events of the sequences of those names, from the whole history on; ends when one of them is over. */
  follow(sequences: readonly string[], signal: AbortSignal): AsyncGenerator<Followed, FollowedEnd, undefined>;
  /** The same of one actor, whose sequence began in this boot of the machine. */
  followActor(actor: string, signal: AbortSignal): AsyncGenerator<Followed, FollowedEnd, undefined>;
  reset(what: Reset, signal: AbortSignal): AsyncGenerator<Followed, FollowedEnd, undefined>;
  /**
   * Installs another release beside the one that runs and reboots into it. Does not drain the node: that is asked of
   * Kubernetes. `failed` where the installer says so; then nothing reboots.
   */
  upgrade(what: Upgrade, signal: AbortSignal): AsyncGenerator<Followed, FollowedEnd, undefined>;
  /** Back to the release before, with a reboot. */
  rollback(signal: AbortSignal): AsyncGenerator<Followed, FollowedEnd, undefined>;
  health(): Promise<Health>;
  /** `running`, `resetting`, …; undefined where it does not show it. */
  stage(): Promise<string | undefined>;
  etcd(): Promise<{ readonly members: EtcdMembers['members']; readonly status: EtcdStatus['member_status'] }>;
  /** Is it installed on a disk? Its kernel name, or undefined. */
  systemDisk(): Promise<string | undefined>;
  /** Another one after each boot; undefined where the release shows none. */
  bootId(): Promise<string | undefined>;
  /** The words of its kernel's command line; none where it does not show it. */
  commandLine(): Promise<readonly string[]>;
  /** Of the install that UnattendedInstallConfig drives, from 1.14 on; undefined where there is none. */
  unattendedInstall(): Promise<{ readonly phase: string; readonly error: string } | undefined>;
};

export async function talosNode(parts: {
  readonly definition: MachineApiDefinition;
  readonly client: MachineApiClient;
  readonly signal: AbortSignal;
}): Promise<TalosNode> {
  const { definition, client } = parts;
  const version = await versionOf(client, { signal: parts.signal });
  const events = (signal: AbortSignal, tail: number) => eventsOf({ definition, client, signal, tail });

  /** Begins to listen, then asks, so that no event is missed between. */
  async function* afterAsking(
    ask: () => Promise<(event: MachineEvent) => boolean>,
    signal: AbortSignal,
  ): AsyncGenerator<Followed, FollowedEnd, undefined> {
    const stream = events(signal, 0);
    try {
      // The first message is a hello: from here on nothing is missed.
      await stream.next();
      const isOwn = await ask();
      return yield* statesOf(stream, isOwn);
    } finally {
      await stream.return(undefined);
    }
  }
  const actor = (id: string) => (event: MachineEvent) => event.actorId === id;

  /** Gives why it failed; nothing where the other release is in its place. */
  async function* installBeside(
    image: string,
    signal: AbortSignal,
  ): AsyncGenerator<Followed, FollowedEnd | undefined, undefined> {
    const failed = (because: string): FollowedEnd => ({ kind: 'failed', sequence: 'upgrade', because });
    let name = image;
    for await (const { response, name: resolved } of client.stream(
      '/machine.ImageService/Pull',
      { containerd: SYSTEM, image_ref: image },
      { signal },
    )) {
      yield { kind: 'running', sequence: 'upgrade', phase: 'pull' };
      if (response === 'name' && resolved !== undefined && resolved !== '') name = resolved;
    }
    let last = '';
    let exit: number | undefined;
    for await (const { progress } of client.stream(
      '/machine.LifecycleService/Upgrade',
      { containerd: SYSTEM, source: { image_name: name } },
      { signal },
    )) {
      if (progress?.response === 'message' && progress.message !== undefined) {
        last = progress.message;
        yield { kind: 'running', sequence: 'upgrade', phase: 'install', task: last };
      }
      if (progress?.response === 'exit_code') exit = progress.exit_code;
    }
    // The call succeeds even where the installer did not, and its end without a code is no success.
    if (exit === undefined) return failed('the installer ended without saying how');
    return exit === 0 ? undefined : failed(`the installer ended with ${exit}: ${last}`);
  }

  async function* lifecycleUpgrade(
    { installer, isInstalled = false, installed }: Upgrade,
    signal: AbortSignal,
  ): AsyncGenerator<Followed, FollowedEnd, undefined> {
    const failed = isInstalled ? undefined : yield* installBeside(installer, signal);
    if (failed) return failed;
    if (!isInstalled) await installed?.();
    return yield* afterAsking(async () => {
      const { actor_id: id } = only(
        await client.call('/machine.MachineService/Reboot', { mode: 'DEFAULT' }, { signal }),
      );
      return actor(id);
    }, signal);
  }

  const legacyUpgrade = (image: string, signal: AbortSignal) =>
    afterAsking(async () => {
      const answer = await client.call(
        '/machine.MachineService/Upgrade',
        { image, preserve: true, stage: false, force: false, reboot_mode: 'DEFAULT' },
        { signal, deadlineMs: LEGACY_UPGRADE_MS },
      );
      return actor(only(answer).actor_id);
    }, signal);

  return {
    version,
    async applyConfig(config, { mode = 'AUTO', dryRun = false } = {}) {
      const request = { data: Buffer.from(config), mode, dry_run: dryRun, try_mode_timeout: null };
      const options = { deadlineMs: APPLY_MS };
      const answer = only(await client.call('/machine.MachineService/ApplyConfiguration', request, options));
      return { mode: answer.mode, details: answer.mode_details, warnings: answer.warnings };
    },
    async bootstrap() {
      const request = { recover_etcd: false, recover_skip_hash_check: false };
      try {
        await client.call('/machine.MachineService/Bootstrap', request);
        return { kind: 'bootstrapped' };
      } catch (error) {
        if (!(error instanceof MachineApiError)) throw error;
        if (error.code === 'exists') return { kind: 'already' };
        if (error.code === 'precondition') return { kind: 'not-yet', because: error.message };
        throw error;
      }
    },
    follow: (sequences, signal) => statesOf(events(signal, -1), ofSequences(sequences)),
    followActor: (id, signal) => statesOf(events(signal, -1), actor(id)),
    reset: ({ graceful, what, afterwards, begun }, signal) =>
      afterAsking(async () => {
        const labels = what === 'disk' ? [] : ['STATE', 'EPHEMERAL'];
        const request = {
          graceful,
          reboot: afterwards === 'reboot',
          system_partitions_to_wipe: labels.map((label) => ({ label, wipe: true })),
          user_disks_to_wipe: [],
          // Other disks are never the reset's: they are wiped by a plan that names them.
          mode: 'SYSTEM_DISK',
        } as const;
        const { actor_id: id } = only(await client.call('/machine.MachineService/Reset', request, { signal }));
        await begun?.(id);
        return actor(id);
      }, signal),
    upgrade: (what, signal) =>
      isAtLeast(version, 14) || (version.minor === 13 && !/^alpha\.[0-2]$/.test(version.prerelease ?? ''))
        ? lifecycleUpgrade(what, signal)
        : legacyUpgrade(what.installer, signal),
    rollback: (signal) =>
      afterAsking(async () => {
        await client.call('/machine.MachineService/Rollback', {}, { signal });
        // It answers with no actor; what follows is the reboot that it forces.
        return ofSequences(['reboot']);
      }, signal),
    async stage() {
      return (await resource(client, 'MachineStatuses.runtime.talos.dev', 'machine', machineStatus))?.stage;
    },
    async health() {
      const [{ services }, status] = await Promise.all([
        client.call('/machine.MachineService/ServiceList', {}).then(only),
        resource(client, 'MachineStatuses.runtime.talos.dev', 'machine', machineStatus),
      ]);
      return {
        stage: status?.stage ?? 'unknown',
        ready: status?.status.ready ?? false,
        unmet: status?.status.unmetConditions ?? [],
        unwell: services
          .filter(({ state, health }) => state === 'Failed' || (health?.unknown === false && !health.healthy))
          .map(({ id, state, health }) => ({ id, state, message: health?.last_message ?? '' })),
      };
    },
    async etcd() {
      const [{ members }, { member_status: status }] = await Promise.all([
        client.call('/machine.MachineService/EtcdMemberList', { query_local: false }).then(only),
        client.call('/machine.MachineService/EtcdStatus', {}).then(only),
      ]);
      return { members, status };
    },
    async systemDisk() {
      return (await resource(client, 'SystemDisks.block.talos.dev', 'system-disk', systemDisk))?.diskID;
    },
    async bootId() {
      return (await resource(client, 'BootIDs.runtime.talos.dev', 'boot-id', bootId))?.bootID;
    },
    async commandLine() {
      const shown = await resource(client, 'KernelCmdlines.runtime.talos.dev', 'cmdline', commandLine);
      return shown?.cmdline.split(/\s+/).filter((word) => word !== '') ?? [];
    },
    async unattendedInstall() {
      if (!isAtLeast(version, 14)) return undefined;
      const found = await resource(
        client,
        'UnattendedInstallStatuses.runtime.talos.dev',
        'unattended-install',
        unattendedInstall,
      );
      return found && { phase: found.phase, error: found.error };
    },
  };
}

const machineStatus = z.object({
  stage: z.string(),
  status: z
    .object({
      ready: z.boolean().default(false),
      unmetConditions: z.array(z.object({ name: z.string(), reason: z.string() })).default([]),
    })
    .default({ ready: false, unmetConditions: [] }),
});
const bootId = z.object({ bootID: z.string() });
const commandLine = z.object({ cmdline: z.string() });
const systemDisk = z.object({ diskID: z.string() });
const unattendedInstall = z.object({ phase: z.string().default('pending'), error: z.string().default('') });
const versionResource = z.object({ version: z.string() });

/** The spec of a resource in the namespace `runtime`; undefined where there is none, or none of that form. */
async function resource<T>(
  client: MachineApiClient,
  type: string,
  id: string,
  schema: z.ZodType<T>,
  options: CallOptions = {},
): Promise<T | undefined> {
  try {
    const { resource: found } = await client.call(
      '/cosi.resource.State/Get',
      { namespace: 'runtime', type, id },
      options,
    );
    const spec = schema.safeParse(parse(found?.spec?.yaml_spec ?? ''));
    return spec.success ? spec.data : undefined;
  } catch (error) {
    if (error instanceof MachineApiError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** By the call, or by the resource that every machine in maintenance shows: those before 1.13 refuse the call there. */
async function versionOf(client: MachineApiClient, options: CallOptions): Promise<TalosVersion> {
  const tag = await versionTag(client, options);
  const version = parseTalosVersion(tag);
  if (version.ok) return version.value;
  throw new MachineApiError('failed', `the machine's version is unknown: ${version.because}`);
}

async function versionTag(client: MachineApiClient, options: CallOptions): Promise<string> {
  try {
    return only(await client.call('/machine.MachineService/Version', {}, options)).version?.tag ?? '';
  } catch (error) {
    const isRefused = error instanceof MachineApiError && ['not-implemented', 'forbidden'].includes(error.code);
    if (!isRefused) throw error;
    const found = await resource(client, 'Versions.runtime.talos.dev', 'version', versionResource, options);
    return found?.version ?? '';
  }
}

async function* eventsOf(parts: {
  readonly definition: MachineApiDefinition;
  readonly client: MachineApiClient;
  readonly signal: AbortSignal;
  readonly tail: number;
}): AsyncGenerator<MachineEvent, void, undefined> {
  const { client, definition, signal, tail } = parts;
  const request = { tail_events: tail, tail_id: '', tail_seconds: 0, with_actor_id: '' };
  for await (const event of client.stream('/machine.MachineService/Events', request, { signal })) {
    yield readEvent(definition, event);
  }
}

const ENDED: ReadonlySet<string> = new Set(['unreachable', 'cancelled', 'untrusted']);

/** Yields each state that is new, and returns how it ended. A connection that ends is no failure: the machine reboots. */
async function* statesOf(
  events: AsyncGenerator<MachineEvent, void, undefined>,
  isOwn: (event: MachineEvent) => boolean,
): AsyncGenerator<Followed, FollowedEnd, undefined> {
  let state = WAITING;
  try {
    for await (const event of events) {
      const isOfSequence =
        event.kind === 'machine.SequenceEvent' ||
        event.kind === 'machine.PhaseEvent' ||
        event.kind === 'machine.TaskEvent';
      if (!isOfSequence || !isOwn(event)) continue;
      const next = afterEvent(state, event);
      if (next === state) continue;
      state = next;
      if (isOver(state)) return state;
      yield state;
    }
  } catch (error) {
    if (!(error instanceof MachineApiError) || !ENDED.has(error.code)) throw error;
  }
  return { kind: 'lost', last: state };
}

/** The events of whoever began a sequence of those names last: phases and tasks name no sequence, only their actor. */
function ofSequences(sequences: readonly string[]): (event: MachineEvent) => boolean {
  let actorId: string | undefined;
  return (event) => {
    if (event.kind === 'machine.SequenceEvent') {
      if (!sequences.includes(event.payload.sequence)) return false;
      actorId = event.actorId;
      return true;
    }
    return actorId !== undefined && event.actorId === actorId;
  };
}
