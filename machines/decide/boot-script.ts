import { RESCUE_ARGUMENT } from '../contract/agent.ts';
import type { ImageDocument, ProfileDocument } from '../contract/documents.ts';
import type { Machine } from '../contract/machine.ts';
import type { ScriptSituation } from '../contract/trace.ts';
import { ipxeText, shellWord } from '../values/escape.ts';
import type { MacAddress } from '../values/mac-address.ts';
import {
  assetName,
  assetPath,
  BY_HAND_PATH,
  CLAIMS_QUERY,
  failedPath,
  GRUB_START_PATH,
  scriptPath,
} from './boot-path.ts';
import type { BootPlan } from './boot-plan.ts';
import type { LogReceivers, ScriptValues } from './boot-script-values.ts';
import { kernelArguments, scriptLines } from './boot-script-lines.ts';

/** How iPXE was started; `unknown` where nothing told yet, and then the script finds out by itself. */
export type ScriptFirmware = 'bios' | 'uefi' | 'unknown';

/** What reads the script. GRUB comes where iPXE may not: it boots kernels, and no more. */
export type ScriptReader = 'ipxe' | 'grub';

export type ScriptQuestion = {
  /** Default: ipxe. */
  readonly reader?: ScriptReader | undefined;
  readonly plan: BootPlan;
  readonly machine: Machine | undefined;
  readonly mac: MacAddress | undefined;
  readonly firmware: ScriptFirmware;
  /** Processor as firmware or iPXE named it. */
  readonly architecture: string | undefined;
  readonly attempt: string;
  /** Base URL of the boot plane as this machine reaches it, without a slash at its end. */
  readonly bootUrl: string;
  readonly log: LogReceivers;
  /** Where this boot’s configuration is read; it holds the boot token. */
  readonly configUrl?: string | undefined;
  /** How the agent is booted here; absent where there is none. */
  readonly agent: AgentBoot | undefined;
  /** Why this machine is in a boot loop; a person at its console may go on all the same (`insists`). */
  readonly loop: string | undefined;
  readonly insists: boolean;
};

/** What the agent must be told at its start; the token to the machine plane is in an initrd of its own. */
export type AgentBoot = {
  readonly arch: ImageDocument['arch'];
  /** Of the machine plane as this machine reaches it, without a slash at its end. */
  readonly url: string;
  /** Standard base64 of SHA-256 over the machine plane's SubjectPublicKeyInfo. */
  readonly pin: string;
  /** What its kernel wants besides. */
  readonly commandLine: string;
};

/**
 * The agent's initrds in order. The token goes first: what follows a compressed archive has no place of its own, and a
 * truncated image shows by what is missing at the end.
 */
export const AGENT_INITRDS = ['boot-token', 'image'] as const;

/** What every template may show. All text fits on a line of an iPXE script as it stands. */
export type ScriptCommon = {
  /** The machine's name, else its MAC. */
  readonly title: string;
  readonly mac: string;
  readonly attempt: string;
  readonly because: string;
  readonly firmware: ScriptFirmware;
  /** After a failure: the machine's own disk, or a shell for a person. */
  readonly onFailure: 'disk' | 'shell';
  /** Told what failed, `?what=…&errno=…`. */
  readonly failedUrl: string;
  /** Asks for this machine's script again. */
  readonly againUrl: string;
  /** Address of the syslog receiver, where it listens on the port that iPXE knows. */
  readonly syslog: string | undefined;
};

export type KernelData = ScriptCommon & {
  readonly profile: string;
  readonly kernelUrl: string;
  /** Everything after the URL on the kernel's line. */
  readonly kernelArguments: string;
  readonly initrds: readonly { readonly name: string; readonly url: string }[];
};

/** A situation with what its template needs: one file each, templates/READER/SITUATION.eta. */
export type ScriptBody =
  | { readonly situation: 'kernel' | 'agent' | 'rescue'; readonly data: KernelData }
  | { readonly situation: 'disk' | 'stop'; readonly data: ScriptCommon }
  | { readonly situation: 'hold'; readonly data: ScriptCommon & { readonly acceptName: string } }
  | { readonly situation: 'menu'; readonly data: ScriptCommon & { readonly timeoutMs: number } }
  | { readonly situation: 'chain'; readonly data: ScriptCommon & { readonly url: string } }
  | { readonly situation: 'script'; readonly data: ScriptCommon & { readonly lines: readonly string[] } };

export type BootScript = ScriptBody & {
  /** For trace, log and `explain`. */
  readonly because: string;
  /**
   * When the plan's grant is spent: as soon as the script has been sent, or when kernel and last initrd were; `never`
   * where the script netboots nothing.
   */
  readonly spends: 'script' | 'assets' | 'never';
};

const MENU_TIMEOUT_MS = 30_000;

/**
 * Which script an iPXE gets that is already running. It always gets one: where the plan cannot be carried out the
 * answer is the machine's own disk, and `because` says why.
 */
export function decideBootScript(question: ScriptQuestion): BootScript {
  const { plan } = question;
  switch (plan.kind) {
    case 'own-disk':
      return ownDisk(question, plan.because);
    case 'hold':
      return hold(question, plan.because);
    case 'netboot': {
      if (question.loop !== undefined && !question.insists) return stop(question, question.loop);
      const result = netboot(question, plan);
      if (!('broken' in result)) return result;
      const because = `${plan.because}; ${result.broken}`;
      // A stranger whom the agent cannot look at waits, as it would without an agent.
      return plan.profile.os === 'agent' && !plan.grant ? hold(question, because) : ownDisk(question, because);
    }
    default:
      return plan satisfies never;
  }
}

type Netboot = Extract<BootPlan, { kind: 'netboot' }>;
type Broken = { readonly broken: string };

function netboot(question: ScriptQuestion, plan: Netboot): BootScript | Broken {
  const { profile, because } = plan;
  const data = { ...common(question, because), onFailure: profile.onFailure };
  const values = valuesOf(question, profile, plan.image);
  if (question.reader === 'grub' && (profile.os === 'menu' || profile.os === 'chain' || profile.os === 'script')) {
    return {
      broken: `GRUB, which the machine has loaded, boots kernels, and profile ${profile.name} is os: ${profile.os}`,
    };
  }
  switch (profile.os) {
    case 'kernel':
    // Its arguments say where its answers are.
    case 'installer':
    // And this one's where its configuration is, where it is not pushed.
    case 'talos':
      return kernel(question, plan, data, values);
    case 'agent':
      return agent(question, plan, data, values);
    case 'menu':
      return { situation: 'menu', data: { ...data, timeoutMs: MENU_TIMEOUT_MS }, because, spends: 'script' };
    case 'chain': {
      if (profile.url === undefined) return { broken: 'it names no url to chain to' };
      const lines = scriptLines(profile.url, values);
      if (!lines.ok) return { broken: `url: ${lines.because}` };
      return { situation: 'chain', data: { ...data, url: lines.lines.join('') }, because, spends: 'script' };
    }
    case 'script': {
      if (profile.script === undefined) return { broken: 'it has no script' };
      const lines = scriptLines(profile.script, values);
      if (!lines.ok) return { broken: `script: ${lines.because}` };
      return { situation: 'script', data: { ...data, lines: lines.lines }, because, spends: 'script' };
    }
    default:
      return { broken: `profiles with os: ${profile.os} cannot be netbooted by this daemon yet` };
  }
}

function kernel(
  question: ScriptQuestion,
  { profile, image, because }: Netboot,
  data: ScriptCommon,
  values: ScriptValues,
): BootScript | Broken {
  if (!image) return { broken: 'it names no image' };
  const { firmware, architecture, attempt, bootUrl } = question;
  if (!canRun(image.arch, architecture)) {
    return { broken: `image ${image.name} is for ${image.arch}, this machine says it is ${architecture}` };
  }
  const count = (role: string) => image.assets.filter((asset) => asset.role === role).length;
  const role = count('kernel') > 0 ? 'kernel' : 'efi';
  if (count(role) === 0) return { broken: `image ${image.name} has no kernel` };
  if (role === 'efi' && firmware === 'bios') return { broken: `image ${image.name} boots under UEFI only` };
  const names = Array.from({ length: count('initrd') }, (_, index) => assetName('initrd', index));
  const given = kernelArguments(profile.args, values);
  if (!given.ok) return { broken: given.because };
  // Under UEFI the kernel's own stub loads the initrds, and it finds them only by their names (a BIOS kernel is handed
  // them by iPXE, and ignores the words).
  const initrdWords = firmware === 'bios' ? [] : names.map((name) => `initrd=${name}`);
  const initrds = names.map((name, index) => ({ name, url: `${bootUrl}/${assetPath(attempt, 'initrd', index)}` }));
  const kernelUrl = `${bootUrl}/${assetPath(attempt, role, 0)}`;
  const files =
    question.reader === 'grub'
      ? forGrub({ kernelUrl, words: given.words, initrds })
      : {
          kernelUrl: `${kernelUrl}?${CLAIMS_QUERY}`,
          kernelArguments: [...initrdWords, ...given.words].join(' '),
          initrds,
        };
  return {
    situation: profile.onFailure === 'shell' ? 'rescue' : 'kernel',
    data: { ...data, profile: ipxeText(profile.name), ...files },
    because,
    spends: 'assets',
  };
}

function agent(
  question: ScriptQuestion,
  { profile, because }: Netboot,
  data: ScriptCommon,
  values: ScriptValues,
): BootScript | Broken {
  const { firmware, architecture, attempt, bootUrl } = question;
  const boot = question.agent;
  if (!boot) return { broken: 'this daemon has no agent to boot' };
  if (!canRun(boot.arch, architecture)) {
    return { broken: `the agent is for ${boot.arch}, this machine says it is ${architecture}` };
  }
  const given = kernelArguments([boot.commandLine, ...profile.args], values);
  if (!given.ok) return { broken: given.because };
  const names = AGENT_INITRDS.map((_, index) => assetName('initrd', index));
  const initrds = names.map((name, index) => ({ name, url: `${bootUrl}/${assetPath(attempt, 'initrd', index)}` }));
  const kernelUrl = `${bootUrl}/${assetPath(attempt, 'kernel', 0)}`;
  const words = [...given.words, `ingot.url=${boot.url}`, `ingot.pin=${boot.pin}`, `ingot.attempt=${attempt}`];
  // As PXELINUX writes it: the ARP hardware type, then the address of the card that it booted by.
  const bootIf = question.mac === undefined ? [] : [`BOOTIF=01-${question.mac.replaceAll(':', '-')}`];
  const files =
    question.reader === 'grub'
      ? forGrub({ kernelUrl, words: [...words, ...bootIf], initrds })
      : {
          kernelUrl: `${kernelUrl}?${CLAIMS_QUERY}`,
          kernelArguments: [
            ...(firmware === 'bios' ? [] : names.map((name) => `initrd=${name}`)),
            ...words,
            'BOOTIF=01-${netX/mac:hexhyp}',
          ].join(' '),
          initrds,
        };
  return {
    // Nobody waits for an agent's call.
    situation: profile.args.includes(RESCUE_ARGUMENT) ? 'rescue' : 'agent',
    data: { ...data, profile: ipxeText(profile.name), ...files },
    because,
    spends: 'assets',
  };
}

/** GRUB names a file by its device, hands the initrds over itself, and takes a quoted word as it stands. */
function forGrub(files: {
  readonly kernelUrl: string;
  readonly words: readonly string[];
  readonly initrds: KernelData['initrds'];
}): Pick<KernelData, 'kernelUrl' | 'kernelArguments' | 'initrds'> {
  return {
    kernelUrl: grubFile(files.kernelUrl),
    kernelArguments: files.words.map(shellWord).join(' '),
    initrds: files.initrds.map(({ name, url }) => ({ name, url: grubFile(url) })),
  };
}

/** `http://192.0.2.1:8080/a/x` is `(http,192.0.2.1:8080)/a/x`. */
const grubFile = (url: string): string => url.replace(/^(https?):\/\/([^/]+)/, '($1,$2)');

function hold(question: ScriptQuestion, because: string): BootScript {
  const acceptName = ipxeText(question.machine?.document.name ?? 'NAME');
  return { situation: 'hold', data: { ...common(question, because), acceptName }, because, spends: 'never' };
}

function ownDisk(question: ScriptQuestion, because: string): BootScript {
  return { situation: 'disk', data: common(question, because), because, spends: 'never' };
}

function stop(question: ScriptQuestion, because: string): BootScript {
  return { situation: 'stop', data: common(question, because), because, spends: 'never' };
}

function common(question: ScriptQuestion, because: string): ScriptCommon {
  const { machine, mac, firmware, attempt, bootUrl, log } = question;
  return {
    title: ipxeText(machine?.document.name ?? mac ?? 'unknown machine'),
    mac: ipxeText(mac ?? machine?.document.macs[0] ?? 'unknown'),
    attempt,
    because: ipxeText(because),
    firmware,
    onFailure: 'disk',
    failedUrl: `${bootUrl}/${failedPath(attempt)}`,
    againUrl:
      question.reader === 'grub'
        ? grubFile(`${bootUrl}/${GRUB_START_PATH}`)
        : `${bootUrl}/${scriptPath(attempt)}?${CLAIMS_QUERY}`,
    syslog: /^([0-9.]+):514$/.exec(log.syslog ?? '')?.[1],
  };
}

const valuesOf = (
  { machine, mac, attempt, bootUrl, log, configUrl }: ScriptQuestion,
  profile: ProfileDocument,
  image: ImageDocument | undefined,
): ScriptValues => ({ machine, mac, profile: profile.name, image: image?.name, attempt, bootUrl, log, configUrl });

/**
 * BIOS clients say i386 whatever the processor, and 32-bit UEFI starts 64-bit kernels too, so x86 is one family. What is
 * not known is no reason to refuse.
 */
function canRun(image: string, machine: string | undefined): boolean {
  const family = (architecture: string) => (architecture === 'i386' ? 'x86_64' : architecture);
  return machine === undefined || family(image) === family(machine);
}

/** What a person types at an iPXE prompt to be booted by us: it works on every machine. */
export const byHandUrl = (bootUrl: string): string => `${bootUrl}/${BY_HAND_PATH}?${CLAIMS_QUERY}`;

/** Those that GRUB can be told; in every other one it goes on to the machine's own disk. */
export const GRUB_SITUATIONS = [
  'kernel',
  'agent',
  'rescue',
  'disk',
  'stop',
  'hold',
] as const satisfies readonly ScriptSituation[];

/** All situations there are, so that templates and tests can be complete. */
export const SITUATIONS = [
  'kernel',
  'agent',
  'rescue',
  'disk',
  'stop',
  'hold',
  'menu',
  'chain',
  'script',
] as const satisfies readonly ScriptSituation[];
