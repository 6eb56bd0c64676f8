import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESCUE_ARGUMENT } from '../contract/agent.ts';
import type { Ipv4 } from '../values/ip-address.ts';
import type { DhcpClientKind, DhcpLease, RackDhcp } from './firmware/dhcp-client.ts';
import { httpRead } from './firmware/http-client.ts';
import { tftpRead } from './firmware/tftp-client.ts';
import type { BootChoice } from './bmc/boot-override.ts';
import type { BootStage } from './bmc/power-backend.ts';
import { type Fetched, type IpxeMachine, type IpxeOutcome, runScript } from './ipxe/interpreter.ts';
import type { Nodes } from './node/nodes.ts';
import type { Ending } from './talos/sequencer.ts';
import type { DaemonSockets, Fault, Firmware, MachineSpec, Quirk, RackTimes } from './spec.ts';

/** How one power-on ended. A machine that waits for a person never ends by itself. */
export type BootResult =
  | { readonly kind: 'running'; readonly arguments: string }
  | { readonly kind: 'own-disk' }
  /** It turned itself off. */
  | { readonly kind: 'off' }
  | { readonly kind: 'stuck'; readonly because: string };

export type MachineSurroundings = {
  readonly dhcp: RackDhcp;
  readonly daemon: DaemonSockets;
  /** What a person would read on the machine's screen. */
  readonly screen: (line: string) => void;
  readonly times: RackTimes;
  /** What its BMC wants of the next boot attempt: asked at the start of each, and spent by it. */
  readonly takeBoot: () => BootChoice;
  /** Told how far it is. */
  readonly stage: (stage: Exclude<BootStage, 'off'>) => void;
  /** Disks, and the agent. Without them a kernel that was loaded is up and does nothing. */
  readonly nodes?: Nodes | undefined;
};

const FIRST_CLIENT: Readonly<Record<Firmware, DhcpClientKind>> = {
  bios: 'pxe-bios',
  uefi: 'pxe-uefi',
  'uefi-http': 'http-uefi',
  'uefi-arm64': 'pxe-uefi-arm64',
  'ipxe-rom': 'ipxe-rom',
};

/** EDK2 asks for 1468 (its MTU less the headers), BIOS ROMs for 1456. */
const BLKSIZE: Readonly<Record<Firmware, number>> = {
  bios: 1456,
  uefi: 1468,
  'uefi-http': 1468,
  'uefi-arm64': 1468,
  'ipxe-rom': 1432,
};

/** One power-on, from the self-test to a running system, the machine's own disk, or a dead end. */
export async function powerOn(
  spec: MachineSpec,
  around: MachineSurroundings,
  signal: AbortSignal,
): Promise<BootResult> {
  let step = await attemptBoot(spec, around, signal);
  for (;;) {
    switch (step.kind) {
      case 'reboot':
        step = await attemptBoot(spec, around, signal);
        break;
      case 'own-disk':
      case 'kexec':
        step = await startOwnDisk(spec, around, signal);
        if (step.kind === 'own-disk') return step;
        break;
      default:
        return step;
    }
  }
}

/** Where a boot leads: to an end, to another boot by firmware, or to one by a kernel that starts the next by itself. */
type Step = BootResult | { readonly kind: 'reboot' | 'kexec' };

/** What is on its disk, when firmware or another kernel starts it. */
async function startOwnDisk(spec: MachineSpec, around: MachineSurroundings, signal: AbortSignal): Promise<Step> {
  const { nodes } = around;
  if (!(nodes ? await nodes.isBootable(spec) : spec.faults.includes('installed'))) {
    if (nodes) around.screen('No bootable device');
    return { kind: 'own-disk' };
  }
  await sleep(around.times.kernelMs, undefined, { signal });
  const asked = await around.dhcp.obtain(spec, 'linux', signal);
  around.stage('running');
  if (nodes && asked.kind === 'leased') {
    const { address } = asked.lease;
    const end = await nodes.runInstalledTalos({ spec, address, print: around.screen }, signal);
    if (end !== undefined) return afterTalos(end);
  }
  if (nodes) around.screen('The system on its own disk is up');
  return { kind: 'own-disk' };
}

const afterTalos = (end: Ending): Step => ({ kind: end === 'shutdown' ? 'off' : end });

/** One boot attempt: the firmware's own order, network before disk, or what the BMC wants this once. */
async function attemptBoot(spec: MachineSpec, around: MachineSurroundings, signal: AbortSignal): Promise<Step> {
  const { device } = around.takeBoot();
  around.stage('self-test');
  await sleep(around.times.selfTestMs, undefined, { signal });
  around.stage('loading');
  switch (device) {
    case 'none':
      return await tryNetwork(spec, around, signal);
    case 'network':
      return await tryNetwork(spec.firmware === 'uefi-http' ? { ...spec, firmware: 'uefi' } : spec, around, signal);
    case 'http':
      // An old BIOS has no HTTP Boot: it takes the network as it can.
      return await tryNetwork(spec.firmware === 'uefi' ? { ...spec, firmware: 'uefi-http' } : spec, around, signal);
    case 'disk':
      around.screen('Booting from Hard Disk');
      return { kind: 'own-disk' };
    case 'media':
      around.screen('No medium in the drive');
      return { kind: 'own-disk' };
    case 'setup':
      return { kind: 'stuck', because: 'BIOS setup waits for a person' };
    default:
      return device satisfies never;
  }
}

/** What the firmware's network entry comes to. */
async function tryNetwork(spec: MachineSpec, around: MachineSurroundings, signal: AbortSignal): Promise<Step> {
  const has = (fault: Fault | Quirk): boolean => spec.faults.includes(fault);
  const { linkMs, hesitationMs } = around.times;
  if (has('late-link')) await sleep(linkMs, undefined, { signal });

  const client = has('unknown-arch') ? 'pxe-itanium' : FIRST_CLIENT[spec.firmware];
  const first = await around.dhcp.obtain(spec, client, signal);
  if (first.kind === 'failed') {
    around.screen(`PXE-E51: ${first.because}`);
    return { kind: 'own-disk' };
  }
  around.screen(`${client}: address ${first.lease.address}, boot file ${first.lease.bootFile || 'none'}`);
  if (first.lease.bootFile === '') return { kind: 'own-disk' };
  if (spec.firmware === 'ipxe-rom') return await runIpxe(spec, first.lease, around, signal);

  const loaded = await loadLoader(spec, first.lease, around, signal);
  if (!loaded.ok) {
    around.screen(loaded.because);
    return { kind: 'own-disk' };
  }
  if (has('loader-refused')) {
    around.screen('Access Denied: image is not signed');
    await sleep(hesitationMs, undefined, { signal });
    // The firmware tries its boot entry once more before it goes on to the next.
    await around.dhcp.obtain(spec, client, signal);
    return { kind: 'own-disk' };
  }
  if (has('loader-dies')) return { kind: 'stuck', because: 'iPXE: no network devices' };
  if (has('waits-for-link')) await sleep(hesitationMs, undefined, { signal });

  const second = await around.dhcp.obtain(spec, 'ipxe', signal);
  if (second.kind === 'failed' || second.lease.bootFile === '') {
    around.screen('iPXE: nothing to boot');
    return { kind: 'own-disk' };
  }
  return await runIpxe(spec, second.lease, around, signal);
}

async function loadLoader(
  spec: MachineSpec,
  lease: DhcpLease,
  { daemon, screen, times: { hesitationMs } }: MachineSurroundings,
  signal: AbortSignal,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly because: string }> {
  const has = (fault: Fault | Quirk): boolean => spec.faults.includes(fault);
  if (spec.firmware === 'uefi-http') {
    const ask = { local: lease.address, url: lease.bootFile, userAgent: 'UefiHttpBoot/1.0', discard: true, signal };
    try {
      const head = await httpRead({ ...ask, method: 'HEAD' });
      if (head.status !== 200) return { ok: false, because: `HTTP Boot: status ${head.status}` };
      if (has('refuses-http'))
        return { ok: false, because: 'HTTP Boot: plain HTTP is refused by the firmware’s policy' };
      const got = await httpRead({ ...ask, method: 'GET' });
      return got.status === 200 ? { ok: true } : { ok: false, because: `HTTP Boot: status ${got.status}` };
    } catch (cause) {
      signal.throwIfAborted();
      return { ok: false, because: `HTTP Boot: ${String(cause)}` };
    }
  }
  if (has('no-tftp')) {
    await sleep(hesitationMs, undefined, { signal });
    return { ok: false, because: 'PXE-E32: TFTP open timeout' };
  }
  if (has('tftp-on-second-try')) await sleep(hesitationMs, undefined, { signal });
  const read = {
    local: lease.address,
    server: lease.nextServer,
    port: daemon.tftpPort,
    file: lease.bootFile,
    blksize: BLKSIZE[spec.firmware],
    stallAfter: has('tftp-stalls') || has('tftp-hiccup') ? 2 : Number.POSITIVE_INFINITY,
    resumes: has('tftp-hiccup'),
    signal,
  };
  if (spec.firmware !== 'bios') await tftpRead({ ...read, probe: true });
  const loader = await tftpRead({ ...read, probe: false });
  screen(`TFTP ${lease.bootFile}: ${loader.kind === 'read' ? `${loader.bytes.length} bytes` : loader.kind}`);
  switch (loader.kind) {
    case 'read':
      return { ok: true };
    case 'refused':
      return { ok: false, because: `PXE-T01: ${loader.text}` };
    case 'silent':
      return { ok: false, because: 'PXE-E32: TFTP open timeout' };
    default:
      return loader satisfies never;
  }
}

async function runIpxe(
  spec: MachineSpec,
  lease: DhcpLease,
  around: MachineSurroundings,
  signal: AbortSignal,
): Promise<Step> {
  const has = (fault: Fault | Quirk): boolean => spec.faults.includes(fault);
  if (has('no-script')) return { kind: 'stuck', because: 'iPXE: waiting for link-up' };
  if (has('script-late')) await sleep(around.times.hesitationMs, undefined, { signal });
  const machine = ipxeMachine(spec, lease, around, signal);
  const script = await machine.fetch(lease.bootFile, 'script');
  if (!script.ok) {
    around.screen(`iPXE: could not fetch ${lease.bootFile} (${script.status})`);
    return { kind: 'own-disk' };
  }
  const text = new TextDecoder().decode(script.bytes);
  const outcome = await runScript({ text, url: lease.bootFile, machine, settings: settingsOf(spec, lease), signal });
  return await leaveIpxe(spec, outcome, lease, around, signal);
}

async function leaveIpxe(
  spec: MachineSpec,
  outcome: IpxeOutcome,
  lease: DhcpLease,
  around: MachineSurroundings,
  signal: AbortSignal,
): Promise<Step> {
  switch (outcome.kind) {
    case 'kernel': {
      if (spec.faults.includes('silent-kernel'))
        return { kind: 'stuck', because: 'the kernel panicked without a console' };
      if (spec.faults.includes('boots-again')) return await attemptBoot(spec, around, signal);
      if (spec.faults.includes('boots-twice')) {
        return await attemptBoot(
          { ...spec, faults: spec.faults.filter((one) => one !== 'boots-twice') },
          around,
          signal,
        );
      }
      await sleep(around.times.kernelMs, undefined, { signal });
      const asked = await around.dhcp.obtain(spec, 'linux', signal);
      around.stage('running');
      around.screen(`Linux is up at ${lease.address}: ${outcome.arguments}`);
      const { address } = asked.kind === 'leased' ? asked.lease : lease;
      const { arguments: commandLine, initrds } = outcome;
      const boot = { spec, commandLine, initrds, address, print: around.screen };
      if (around.nodes?.isTalos(commandLine)) {
        return afterTalos(await around.nodes.runTalos(boot, signal));
      }
      if (around.nodes?.isInstaller(commandLine)) return { kind: await around.nodes.runInstaller(boot, signal) };
      if (commandLine.split(' ').includes(RESCUE_ARGUMENT)) around.screen('rescue shell');
      if (!around.nodes?.isAgent(commandLine)) return { kind: 'running', arguments: commandLine };
      const end = await around.nodes.run(boot, signal);
      return { kind: end === 'shutdown' ? 'off' : 'reboot' };
    }
    case 'own-disk':
    case 'exit':
      return { kind: 'own-disk' };
    case 'poweroff':
      return { kind: 'off' };
    case 'reboot':
      return await attemptBoot(spec, around, signal);
    case 'shell':
      return { kind: 'stuck', because: 'iPXE shell' };
    case 'failed':
      around.screen(`iPXE: ${outcome.because}`);
      return { kind: 'own-disk' };
    default:
      return outcome satisfies never;
  }
}

/** An archive with a boot token has some hundred bytes; whole systems are not kept. */
const KEPT_INITRD_BYTES = 1 << 16;

function ipxeMachine(
  spec: MachineSpec,
  lease: DhcpLease,
  around: MachineSurroundings,
  signal: AbortSignal,
): IpxeMachine {
  const has = (fault: Fault | Quirk): boolean => spec.faults.includes(fault);
  return {
    async fetch(url, into): Promise<Fetched> {
      if ((into === 'kernel' && has('stops-before-kernel')) || (into === 'initrd' && has('stops-after-kernel'))) {
        // The machine hangs: nothing more is heard of it.
        await sleep(2 ** 31 - 1, undefined, { signal });
      }
      try {
        const { protocol } = new URL(url);
        if (protocol === 'tftp:') return await fetchByTftp(url, lease, around.daemon, signal);
        const ask = { local: lease.address, url, method: 'GET', userAgent: 'iPXE/1.0.0+', signal } as const;
        if (into === 'kernel' && has('kernel-on-second-try')) {
          await httpRead({ ...ask, discard: true, stopAfter: 1 }).catch(() => {});
          await sleep(around.times.hesitationMs, undefined, { signal });
        }
        const keepAtMost = { script: Number.POSITIVE_INFINITY, initrd: KEPT_INITRD_BYTES, kernel: 0 }[into];
        const read = await httpRead({ ...ask, discard: into === 'kernel', keepAtMost });
        if (read.status !== 200) return { ok: false, status: read.status };
        // What was thrown away was there all the same.
        return { ok: true, bytes: read.bytes.length === 0 ? new Uint8Array(Math.min(read.length, 1)) : read.bytes };
      } catch {
        signal.throwIfAborted();
        return { ok: false, status: 0 };
      }
    },
    async dhcp() {
      return (await around.dhcp.obtain(spec, 'ipxe', signal)).kind === 'leased';
    },
    async sleep(seconds) {
      await sleep(seconds * 1000, undefined, { signal });
    },
    print: around.screen,
  };
}

async function fetchByTftp(
  url: string,
  lease: DhcpLease,
  daemon: DaemonSockets,
  signal: AbortSignal,
): Promise<Fetched> {
  const { hostname, pathname, port } = new URL(url);
  const read = await tftpRead({
    local: lease.address,
    server: (isIP(hostname) === 4 ? hostname : lease.nextServer) as Ipv4,
    port: Number(port || daemon.tftpPort),
    file: pathname.slice(1),
    blksize: BLKSIZE['ipxe-rom'],
    probe: false,
    stallAfter: Number.POSITIVE_INFINITY,
    signal,
  });
  return read.kind === 'read' ? { ok: true, bytes: read.bytes } : { ok: false, status: 0 };
}

function settingsOf(spec: MachineSpec, lease: DhcpLease): Map<string, string> {
  const bios = spec.firmware === 'bios' || spec.firmware === 'ipxe-rom';
  const entries: readonly (readonly [string, string])[] = [
    ['uuid', spec.uuid],
    ['serial', spec.serial],
    ['manufacturer', spec.manufacturer],
    ['product', spec.product],
    ['platform', bios ? 'pcbios' : 'efi'],
    ['buildarch', spec.firmware === 'uefi-arm64' ? 'arm64' : bios ? 'i386' : 'x86_64'],
    ['next-server', lease.nextServer],
    ['filename', lease.bootFile],
    ...['net0', 'netX'].flatMap((nic) => [[`${nic}/mac`, spec.mac] as const, [`${nic}/ip`, lease.address] as const]),
    ['mac', spec.mac],
    ['ip', lease.address],
    ['version', '1.0.0+ (simulated)'],
  ];
  return new Map(entries);
}
