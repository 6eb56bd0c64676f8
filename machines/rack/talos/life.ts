import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallRefusal, forbidden } from '#machines/agent/api/call.ts';
import { type MachineApiServer, serveMachineApi } from '#machines/agent/api/server.ts';
import { isAtLeast, talosVersionText } from '#machines/os/talos/version.ts';
import { status } from '@grpc/grpc-js';
import { freePort } from '../free-port.ts';
import { apidIdentity, fingerprintOf, maintenanceIdentity, type ServerIdentity } from './certificates.ts';
import { type NodeConfig, readConfig } from './config.ts';
import { downloadConfig, waitBeforeRetry } from './config-source.ts';
import { isLabel } from './decide/system-disk.ts';
import { type Admission, admittedInMaintenance, admittedWhenRunning } from './decide/permissions.ts';
import type { Sequence } from './decide/take-over.ts';
import { startEtcd } from './etcd.ts';
import { nodeHandlers } from './handlers/handlers.ts';
import { installDisk, installFresh, pullInstaller } from './installer.ts';
import { hostnameOf, type Machine, openMachine, type Stage, type TalosBoot } from './machine.ts';
import { isReady, replaceResources, unmetConditions } from './node-resources.ts';
import { type Ending, openSequencer, type Phase, type Run, type Sequencer, type Task } from './sequencer.ts';
import { type Sequences, sequences } from './sequences.ts';
import { eraseDisk, findSystemDisk } from './system-disk.ts';

/** The machine and what its API may begin. */
export type Node = {
  readonly machine: Machine;
  readonly sequencer: Sequencer;
  readonly sequences: Sequences;
  /** Begins a sequence, which goes on by itself; the actor that its events will name. */
  begin(sequence: Sequence, phases: readonly Phase[], options?: { readonly forced?: boolean }): string;
  /** Takes a configuration; in maintenance the boot goes on with the first one that is complete. */
  accept(read: Extract<ReturnType<typeof readConfig>, { ok: true }>): void;
};

const STAGE_OF: Partial<Readonly<Record<Sequence, Stage>>> = {
  initialize: 'booting',
  boot: 'booting',
  reset: 'resetting',
  upgrade: 'upgrading',
  reboot: 'rebooting',
  shutdown: 'shuttingDown',
};

/** What an event calls a stage. */
const EVENT_STAGE = {
  unknown: 'UNKNOWN',
  booting: 'BOOTING',
  installing: 'INSTALLING',
  maintenance: 'MAINTENANCE',
  running: 'RUNNING',
  rebooting: 'REBOOTING',
  shuttingDown: 'SHUTTING_DOWN',
  resetting: 'RESETTING',
  upgrading: 'UPGRADING',
} as const satisfies Record<Stage, string>;

/** From power, or from another kernel's kexec, to the end of this boot. Rejects with the signal's reason. */
export async function liveTalos(boot: TalosBoot, signal: AbortSignal): Promise<Ending> {
  const life = new AbortController();
  const until = AbortSignal.any([signal, life.signal]);
  await using parts = new AsyncDisposableStack();
  const { promise: ends, resolve, reject } = Promise.withResolvers<Ending>();
  ends.catch(() => {});

  let said = '';
  const machine = await openMachine(boot, (now) => {
    replaceResources(now);
    const unmet = now.stage === 'maintenance' ? [] : unmetConditions(now);
    const saying = JSON.stringify([now.stage, isReady(now), unmet]);
    if (saying === said) return;
    said = saying;
    now.events.publish('machine.MachineStatusEvent', {
      stage: EVENT_STAGE[now.stage],
      status: { ready: isReady(now), unmet_conditions: unmet.map((one) => ({ ...one })) },
    });
  });
  const setStage = (stage: Stage): void => {
    machine.stage = stage;
    machine.refresh();
  };

  const sequencer = openSequencer({
    events: machine.events,
    signal: until,
    ...(boot.faults.delays ? { delays: boot.faults.delays } : {}),
    onChange({ sequence, phase, action }) {
      if (action === 'STOP') return;
      if (phase === 'install') setStage('installing');
      else if (phase === 'kexec') setStage('rebooting');
      else if (phase === undefined) setStage(STAGE_OF[sequence] ?? machine.stage);
    },
    // What was told last is on its way to those who listen.
    lastWords: () => sleep(50, undefined, { signal: until }),
  });
  const fails = (cause: unknown): void => {
    if (!until.aborted) reject(cause);
  };
  const follow = async (run: Promise<Run>): Promise<Run> => {
    const how = await run;
    if (how.kind === 'ended') resolve(how.ending);
    return how;
  };
  const configured = Promise.withResolvers<void>();
  const node: Node = {
    machine,
    sequencer,
    sequences: sequences(machine),
    begin(sequence, phases, options) {
      const { actor, run } = sequencer.begin(sequence, phases, options);
      const told = async (): Promise<void> => {
        const how = await follow(run);
        if (how.kind === 'failed') machine.say(`${sequence} failed: ${how.because}`);
      };
      told().catch(fails);
      return actor;
    },
    accept({ documents, config }) {
      machine.documents = documents;
      if (!config) return;
      machine.config = config;
      machine.domain = boot.domains.of(config.ca.crt);
      configured.resolve();
      machine.refresh();
    },
  };

  let server: MachineApiServer | undefined;
  const closeServer = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    await closing?.[Symbol.asyncDispose]();
  };
  parts.defer(closeServer);
  const serve = async (
    identity: ServerIdentity,
    ca: string | undefined,
    admits: (path: string, roles: readonly string[]) => Admission,
  ): Promise<void> => {
    const because =
      ca === undefined && !isAtLeast(boot.release.version, 13)
        ? 'API is not implemented in maintenance mode'
        : 'unknown service or method';
    const opened = await serveMachineApi({
      definition: boot.definition,
      ...nodeHandlers(node),
      address: boot.address,
      port: boot.port === 0 ? 0 : await portWhenFree(boot, until),
      certificate: identity.certificate,
      key: identity.key,
      ca,
      refuses(path, roles) {
        const admission = admits(path, roles);
        if (admission === 'admitted') return undefined;
        return admission === 'forbidden' ? forbidden('not authorized') : new CallRefusal(status.UNIMPLEMENTED, because);
      },
      isOurself: (name) => name === boot.address || name === hostnameOf(machine),
      log: { warn: machine.say },
    });
    // The boot may have ended meanwhile, and then nobody else closes it.
    if (until.aborted) await opened[Symbol.asyncDispose]();
    until.throwIfAborted();
    server = opened;
    boot.onListening?.(opened.port);
  };

  async function maintain(taskSignal: AbortSignal): Promise<void> {
    const actor = randomUUID();
    machine.events.publish('machine.TaskEvent', { task: 'runningMaintenance', action: 'START' }, actor);
    setStage('maintenance');
    const names = [boot.address, '127.0.0.1', '::1', hostnameOf(machine)];
    const identity = await maintenanceIdentity(names, machine.now());
    const { version } = boot.release;
    await serve(identity, undefined, (path) => admittedInMaintenance(path, version));
    machine.say('this machine is reachable at:');
    machine.say(`\t${boot.address}`);
    machine.say(`server certificate issued: fingerprint ${fingerprintOf(identity)}`);
    machine.say('upload configuration using talosctl, or boot with talos.config');
    try {
      await Promise.race([configured.promise, aborted(taskSignal)]);
    } finally {
      await closeServer();
    }
    machine.events.publish('machine.TaskEvent', { task: 'runningMaintenance', action: 'STOP' }, actor);
    setStage('booting');
  }

  /** With the machine's certificate; a worker has none before a control plane gives it one. */
  async function serveRunning(config: NodeConfig): Promise<void> {
    const domain = boot.domains.of(config.ca.crt);
    if (config.ca.key === '') machine.say('waiting for trustd of a control plane');
    const key = config.ca.key === '' ? await domain.askTrustd(config.token, until) : config.ca.key;
    const identity = await apidIdentity({
      ca: { crt: config.ca.crt, key },
      commonName: hostnameOf(machine),
      names: [...new Set([boot.address, '127.0.0.1', '::1', hostnameOf(machine), ...config.certSans])],
      now: machine.now(),
    });
    const { version } = boot.release;
    await serve(identity, config.ca.crt, (path, roles) => admittedWhenRunning(path, roles, version));
    machine.services.set('apid', 'Running', 'Health check successful', true);
  }

  const task = (name: string, run?: (signal: AbortSignal) => Promise<void>): Task => ({
    task: name,
    async run(taskSignal) {
      await sleep(boot.times.taskMs, undefined, { signal: taskSignal });
      await run?.(taskSignal);
    },
  });
  const one = (name: string, run?: (signal: AbortSignal) => Promise<void>): Phase => ({
    phase: name,
    tasks: [task(name, run)],
  });

  async function initialize(): Promise<Run> {
    const { run } = sequencer.begin('initialize', [
      one('systemRequirements', async (taskSignal) => {
        if (machine.line.missing.length === 0) return;
        machine.say(`kernel parameters are missing: ${machine.line.missing.join(', ')}; the boot halts here`);
        await aborted(taskSignal);
      }),
      one('earlyServices', async () =>
        machine.services.set('machined', 'Running', 'Service started as goroutine', true),
      ),
      one('usb'),
      one('meta', async () => {
        machine.system = await findSystemDisk(boot.disks, boot.diskNames);
        if (machine.system) machine.meta = await machine.system.meta();
        machine.refresh();
      }),
      ...(machine.line.wipe === undefined ? [] : [one('wipeDisks', () => wipeBefore(machine))]),
      one('haltIfInstalled', async (taskSignal) => {
        if (!machine.line.haltsIfInstalled || !machine.system) return;
        machine.say(
          'Talos is already installed to disk but booted from another media and talos.halt_if_installed is set',
        );
        await aborted(taskSignal);
      }),
      {
        phase: 'config',
        tasks: [
          task('loadConfig', async (taskSignal) => {
            if ((await loadConfig(node, taskSignal)) === 'maintenance') await maintain(taskSignal);
          }),
        ],
      },
    ]);
    return await follow(run);
  }

  async function main(): Promise<void> {
    machine.say(
      `Talos ${talosVersionText(boot.release.version)} (simulated) boots from the ${boot.slot ? 'disk' : 'network'}`,
    );
    if ((await initialize()).kind !== 'finished') return;
    const { config } = machine;
    if (!config) throw new Error('a boot without a configuration');
    const serving = serveRunning(config);
    serving.catch(fails);
    if (machine.system) {
      await machine.system.provision();
      await machine.system.setState(config.text);
    }
    if (!machine.system && config.install?.kind === 'legacy') {
      // One that failed is left as it is, for whoever asks what has become of it.
      await follow(sequencer.begin('install', node.sequences.install(config.install)).run);
      return;
    }
    if (config.install?.kind === 'unattended') {
      void unattended(node, config.install, until).catch(fails);
    }
    const how = await follow(sequencer.begin('boot', bootPhases()).run);
    if (how.kind === 'finished') setStage('running');
  }

  const bootPhases = (): readonly Phase[] => [
    one('memorySizeCheck'),
    one('diskSizeCheck'),
    one('env'),
    one('dbus'),
    one('ephemeral', async (taskSignal) => {
      // It lies on the system's disk; without one this waits for whoever installs.
      if (!machine.system) await aborted(taskSignal);
    }),
    one('promotableVolumes'),
    one('userDisks'),
    one('userSetup'),
    { phase: 'startEverything', tasks: [task('startAllServices', (taskSignal) => startServices(taskSignal))] },
  ];

  async function startServices(taskSignal: AbortSignal): Promise<void> {
    const { config, system, services, domain } = machine;
    if (!config || !system || !domain) throw new Error('nothing to start services with');
    parts.use(watchDomain(machine, until));
    for (const id of ['containerd', 'cri', 'udevd', 'syslogd'])
      services.set(id, 'Running', 'Health check successful', true);
    const isUnwell = boot.faults.isUnwell?.(talosVersionText(boot.release.version)) ?? false;
    services.set(
      'kubelet',
      'Running',
      isUnwell ? 'Get "http://127.0.0.1:10248/healthz": connection refused' : 'Health check successful',
      !isUnwell,
    );
    if (config.role === 'worker') return;
    parts.use(domain.serveTrustd({ token: config.token, key: config.ca.key }));
    services.set('trustd', 'Running', 'Health check successful', true);
    machine.etcd = parts.use(
      startEtcd({
        domain,
        services,
        hostname: hostnameOf(machine),
        address: boot.address,
        data: { read: () => system.ephemeral(), write: (record) => system.setEphemeral(record) },
        signal: until,
      }),
    );
    await Promise.race([machine.etcd.up, aborted(taskSignal)]);
  }

  try {
    main().catch(fails);
    return await Promise.race([ends, aborted(signal)]);
  } finally {
    life.abort(new Error('the boot is over'));
  }
}

/** STATE, then `talos.config`, then whoever brings one in maintenance. */
async function loadConfig(node: Node, signal: AbortSignal): Promise<'complete' | 'maintenance'> {
  const { machine } = node;
  const { boot, line, events } = machine;
  const read = (text: string) =>
    readConfig(text, {
      version: boot.release.version,
      isInstalled: machine.system !== undefined,
      base: machine.documents,
    });
  const kept = await machine.system?.state();
  if (kept !== undefined) {
    const found = read(kept);
    if (found.ok) node.accept(found);
    else machine.say(`the configuration on STATE is wrong: ${found.because}`);
    if (machine.config) return 'complete';
  }
  if (line.config === undefined) return 'maintenance';
  const { spec, address } = boot;
  const asking = {
    uuid: spec.uuid,
    serial: spec.serial,
    mac: spec.mac,
    hostname: hostnameOf(machine),
    code: machine.meta['11'] ?? '',
  };
  for (let tries = 0; ; tries++) {
    const got = await downloadConfig(line.config, { asking, local: address, signal });
    if (got.kind === 'text') {
      const found = read(got.text);
      if (found.ok) {
        machine.say('machine configuration downloaded');
        node.accept(found);
        return machine.config ? 'complete' : 'maintenance';
      }
      const kind = found.kind === 'load' ? 'machine.ConfigLoadErrorEvent' : 'machine.ConfigValidationErrorEvent';
      events.publish(kind, { error: found.because });
      machine.say(`machine configuration: ${found.because}`);
    } else {
      events.publish('machine.ConfigLoadErrorEvent', { error: got.because });
      machine.say(`machine configuration: ${got.because}`);
    }
    await waitBeforeRetry(tries, boot.times, signal);
  }
}

async function wipeBefore(machine: Machine): Promise<void> {
  const { system, line } = machine;
  if (!system || line.wipe === undefined) return;
  if (line.wipe === 'disk') {
    await eraseDisk(machine.boot.disks, system.name);
    machine.system = undefined;
    machine.meta = {};
  } else await system.drop(line.wipe.filter(isLabel));
  machine.inventory = await machine.boot.readInventory();
  machine.refresh();
}

/** As the controller of 1.14 does it: beside the boot, which waits for the disk, and told by a resource. */
async function unattended(
  node: Node,
  install: Extract<NonNullable<NodeConfig['install']>, { kind: 'unattended' }>,
  signal: AbortSignal,
): Promise<void> {
  const { machine } = node;
  const { image } = install;
  const tell = (phase: string, error = ''): void => {
    machine.unattended = { phase, image, error };
    machine.refresh();
  };
  if (machine.system) return tell('installed');
  for (let tries = 0; ; tries++) {
    try {
      const disk = installDisk(machine, install);
      // Disks may still turn up.
      if (!disk) return tell('pending', 'no disk matched the selector');
      tell('installing');
      const release = image === '' ? machine.boot.release : await pullInstaller(machine, image, signal);
      await installFresh(machine, { disk: disk.name, release, image, wipe: install.wipe }, signal);
      break;
    } catch (cause) {
      signal.throwIfAborted();
      tell('failed', cause instanceof Error ? cause.message : String(cause));
      await waitBeforeRetry(tries, machine.boot.times, signal);
    }
  }
  if (!install.reboots) return tell('installed');
  tell('waiting-for-reboot');
  node.begin('reboot', node.sequences.reboot('kexec'));
}

/** Readiness hangs on what others do. */
function watchDomain(machine: Machine, signal: AbortSignal): Disposable {
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  void (async () => {
    while (!until.aborted) {
      await machine.domain?.changed(until).catch(() => {});
      machine.refresh();
    }
  })();
  return { [Symbol.dispose]: () => stop.abort() };
}

/** Never resolves; rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

/** What listened there a moment ago, in another life of the same machine, may not be gone yet. */
async function portWhenFree({ address, port }: TalosBoot, signal: AbortSignal): Promise<number> {
  while ((await freePort(address, port)) === undefined) await sleep(50, undefined, { signal });
  return port;
}
