import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MachineConfigInput, machineConfig, type TalosRole } from '#machines/os/talos/config.ts';
import { configText } from '#machines/os/talos/documents.ts';
import { kernelArguments } from '#machines/os/talos/kernel-arguments.ts';
import type { TalosSecrets } from '#machines/os/talos/secrets.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { lineUp } from '#machines/rack/line-up.ts';
import { type Nodes, simulatedNodes } from '#machines/rack/node/nodes.ts';
import { disksOf } from '#machines/rack/node/thin-disks.ts';
import type { MachineSpec } from '#machines/rack/spec.ts';
import { PLAIN_SCHEMATIC, releaseLabel } from '#machines/rack/talos/decide/release.ts';
import type { TalosFaults } from '#machines/rack/talos/decide/faults.ts';
import type { Ending } from '#machines/rack/talos/sequencer.ts';
import { type Ipv4, parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { type MachineApiClient, openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi, type MachineApiDefinition } from '#services/machine-api/definition.ts';
import { machineClient } from '#services/talos/client-config.ts';
import { type Followed, type FollowedEnd, talosNode, type TalosNode } from '#services/talos/node.ts';
import { newTalosSecrets } from '#services/talos/secrets.ts';
import { loopbackNetwork } from '#test/lab/loopback-network.ts';
import { waitFor } from '#test/lab/wait.ts';

export const definition = loadMachineApi();
export const versionOf = (text: string) => sure(parseTalosVersion(text));
export const secretsFor = (version: string): Promise<TalosSecrets> =>
  newTalosSecrets({ version: versionOf(version), random: randomBytes, now: Date.now, rsaBits: 2048 });
export const installer = (version: string): string => `factory.example/metal-installer/${PLAIN_SCHEMATIC}:${version}`;

const NETWORKS = Array.from({ length: 200 }, (_, index) => `127.76.${index + 1}`);

const FAST = { taskMs: 1, installMs: 20, retryMs: 20, maxRetryMs: 100 };

/** A machine of the rack whose firmware is the test: what a boot ends in leads to the next one. */
export type RigMachine = AsyncDisposable & {
  readonly spec: MachineSpec;
  readonly address: Ipv4;
  readonly screen: readonly string[];
  /** How each boot so far has ended, and where the next began. */
  readonly story: readonly string[];
  /** The fingerprint on its screen, of the newest boot that has shown one. */
  fingerprint(): Promise<string>;
  maintenance(): Promise<MachineApiClient>;
  running(secrets: TalosSecrets, roles?: Parameters<typeof machineClient>[0]['roles']): Promise<MachineApiClient>;
  /** The machine as an operator's program sees it, once it answers in running mode. */
  node(secrets: TalosSecrets): Promise<TalosNode & Disposable>;
  /** Resolves when the story has grown to that many ends. */
  ended(count: number): Promise<void>;
  powerOff(): Promise<void>;
};

export async function talosRig(options: {
  readonly version: string;
  readonly machines?: number;
  /** Of the kernel's command line; none: it waits in maintenance. */
  readonly config?: (spec: MachineSpec) => string;
  readonly faults?: TalosFaults;
  /** How the nodes read what they are sent; the plain one where nothing is said. */
  readonly definition?: MachineApiDefinition;
}) {
  const { version } = options;
  const claim = await loopbackNetwork(NETWORKS);
  const dir = await mkdtemp(join(tmpdir(), 'ingot-talos-node-'));
  const open = () =>
    simulatedNodes({
      dir,
      definition: options.definition ?? definition,
      talos: { times: FAST, faults: () => options.faults ?? {} },
    });
  let nodes = open();
  const machines = lineUp(options.machines ?? 1, { story: false }).map(({ spec }, index) => {
    const address = sure(parseIpv4(`${claim.network}.${index + 1}`));
    const config = options.config?.(spec);
    const line = kernelArguments({ version: versionOf(version), ...(config === undefined ? {} : { config }) }).join(
      ' ',
    );
    return rigMachine({ spec, address, line, version, nodes: () => nodes });
  });
  return {
    dir,
    machines,
    machine: (index = 0): RigMachine => machines[index] ?? assert.fail(),
    /** As when the rack's process was started again: only what is on disks is left. Machines must be off. */
    forget() {
      nodes = open();
    },
    nodes: () => nodes,
    async [Symbol.asyncDispose]() {
      for (const machine of machines) await machine[Symbol.asyncDispose]();
      await claim[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

type Parts = {
  readonly spec: MachineSpec;
  readonly address: Ipv4;
  readonly line: string;
  readonly version: string;
  readonly nodes: () => Nodes;
};

function rigMachine({
  spec,
  address,
  line,
  version,
  nodes,
}: Parts): RigMachine & { powerOn(from?: 'network' | 'disk'): void } {
  const screen: string[] = [];
  const story: string[] = [];
  let power = new AbortController();
  let living: Promise<void> = Promise.resolve();
  const print = (text: string): void => void screen.push(text);
  const where = () => `${spec.name}\n${story.join(', ')}\n${screen.join('\n')}`;

  async function live(from: 'network' | 'disk', signal: AbortSignal): Promise<void> {
    let next = from;
    for (;;) {
      const initrds = [
        new TextEncoder().encode(releaseLabel({ version: versionOf(version), schematic: PLAIN_SCHEMATIC })),
      ];
      const netboot = { spec, commandLine: line, initrds, address, print };
      const end: Ending | undefined =
        next === 'network'
          ? await nodes().runTalos(netboot, signal)
          : await nodes().runInstalledTalos({ spec, address, print }, signal);
      story.push(`${next} ${end ?? 'nothing'}`);
      if (end === 'shutdown' || end === undefined) return;
      // Firmware of the test prefers a disk that it can start.
      next = end === 'kexec' || (await nodes().isBootable(spec)) ? 'disk' : 'network';
    }
  }
  const openClient = (trust: Parameters<typeof openMachineApi>[0]['trust']): Promise<MachineApiClient> =>
    openMachineApi({ definition, address, port: 50_000, trust, signal: AbortSignal.timeout(5000) });
  const machine = {
    spec,
    address,
    screen,
    story,
    powerOn(from: 'network' | 'disk' = 'network') {
      power = new AbortController();
      const { signal } = power;
      living = live(from, signal).catch((cause: unknown) => {
        if (!signal.aborted) screen.push(`BUG ${cause instanceof Error ? cause.stack : String(cause)}`);
      });
    },
    async powerOff() {
      power.abort(new Error('power taken away'));
      await living;
    },
    async fingerprint() {
      const shown = () =>
        screen
          .findLast((text) => text.includes('fingerprint'))
          ?.split(' ')
          .at(-1);
      return await waitFor('a fingerprint', shown, 10_000).catch((cause: unknown) => {
        throw new Error(where(), { cause });
      });
    },
    async maintenance() {
      return await openClient({ kind: 'pinned', fingerprint: await machine.fingerprint() });
    },
    async running(secrets: TalosSecrets, roles: Parameters<typeof machineClient>[0]['roles'] = ['os:admin']) {
      const { crt, key } = await machineClient({ secrets, now: Date.now(), roles });
      return await openClient({ kind: 'mutual', ca: secrets.ca.machine.crt, certificate: crt, key });
    },
    async node(secrets: TalosSecrets) {
      return await waitFor(
        'its machine API',
        async () => {
          const client = await machine.running(secrets);
          try {
            const opened = await talosNode({ definition, client, signal: AbortSignal.timeout(5000) });
            return { ...opened, [Symbol.dispose]: () => client[Symbol.dispose]() };
          } catch {
            client[Symbol.dispose]();
            return undefined;
          }
        },
        15_000,
      ).catch((cause: unknown) => {
        throw new Error(where(), { cause });
      });
    },
    async ended(count: number) {
      await waitFor(`${count} ends`, () => story.length >= count, 15_000).catch((cause: unknown) => {
        throw new Error(where(), { cause });
      });
    },
    [Symbol.asyncDispose]: () => machine.powerOff(),
  };
  return machine;
}

/** What our own generator makes for it, to be installed on its first disk. */
export function configFor(
  given: Pick<MachineConfigInput, 'secrets'> & {
    readonly version: string;
    readonly role: TalosRole;
    readonly spec: MachineSpec;
    readonly image?: string;
    readonly install?: boolean;
  },
): string {
  const { version, secrets, role, spec } = given;
  const install = {
    disk: { kind: 'serial', serial: disksOf(spec)[0]?.serial ?? '' },
    image: given.image ?? installer(version),
  } as const;
  return configText(
    machineConfig({
      role,
      version: versionOf(version),
      secrets,
      cluster: { name: 'home', endpoint: 'https://192.0.2.1:6443', kubernetes: '1.34.1' },
      hostname: spec.name,
      ...(given.install === false ? {} : { install }),
    }),
  );
}

/** Follows to the end. */
export async function endOf(states: AsyncGenerator<Followed, FollowedEnd, undefined>): Promise<FollowedEnd> {
  for (;;) {
    const next = await states.next();
    if (next.done) return next.value;
  }
}
