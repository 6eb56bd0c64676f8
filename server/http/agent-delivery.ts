import type { Attempt } from '#machines/contract/trace.ts';
import { AGENT_INITRDS, type AgentBoot } from '#machines/decide/boot-script.ts';
import type { Grant } from '#machines/contract/machine.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { BootTokens } from '#services/boot-tokens/boot-tokens.ts';
import { tokenArchive } from '#services/boot-tokens/token-archive.ts';
import type { AgentImages } from '#services/images/agent-image.ts';
import type { Blob } from '#services/images/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

export type AgentAsset =
  | { readonly kind: 'blob'; readonly blob: Blob }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'missing'; readonly because: string };

/** How the boot plane gives machines the agent: an image for their processor, and for each attempt a token of its own. */
export type AgentDelivery = {
  /** How it is booted by a machine of that processor that reaches us so; nothing while there is no image. */
  bootAt(bootUrl: string, architecture: string | undefined): AgentBoot | undefined;
  /** `look`: only its size is asked for, and no token is made. */
  asset(question: {
    readonly attempt: Attempt;
    readonly architecture: string | undefined;
    readonly role: 'kernel' | 'initrd' | 'efi';
    readonly index: number;
    readonly peer: IpAddress;
    readonly grant: Grant | undefined;
    readonly look: boolean;
  }): Promise<AgentAsset>;
};

export const AGENT_ASSETS = { role: 'kernel', initrds: AGENT_INITRDS.length } as const;

/** What has the length of a token and opens nothing. */
const NO_TOKEN = `ingot_${'-'.repeat(43)}`;

export function agentDelivery(parts: {
  readonly images: AgentImages;
  readonly tokens: Pick<BootTokens, 'issue'>;
  readonly recorder: Pick<Recorder, 'macOf'>;
  /** The SPKI of the machine plane. */
  readonly pin: string;
  /** Where the machine plane's TLS really listens. */
  readonly plane: () => { readonly address: string; readonly port: number };
}): AgentDelivery {
  const { images, tokens, recorder, pin } = parts;

  /** Over the path of that attempt, and only to the address that it boots from. */
  async function token(
    attempt: Attempt,
    peer: IpAddress,
    grant: Grant | undefined,
    look: boolean,
  ): Promise<AgentAsset> {
    if (attempt.mac === undefined) return missing('nobody knows which card this attempt boots by');
    if (attempt.address !== peer) {
      return missing(`the token is for ${attempt.address ?? 'an address that is not known yet'}, not for ${peer}`);
    }
    const holder = recorder.macOf(peer);
    if (holder !== undefined && holder !== attempt.mac) return missing(`${peer} belongs to ${holder} by now`);
    if (look) return { kind: 'bytes', bytes: tokenArchive(NO_TOKEN) };
    const forJob = grant?.by.startsWith('job:') === true;
    const issued = await tokens.issue({ attempt: attempt.id, mac: attempt.mac, forJob });
    return issued.kind === 'issued' ? { kind: 'bytes', bytes: tokenArchive(issued.token) } : missing(issued.because);
  }

  return {
    bootAt(bootUrl, architecture) {
      const state = images.of(architecture).state();
      if (state.kind === 'missing') return undefined;
      const { address, port } = parts.plane();
      const isAny = address === '0.0.0.0' || address === '::';
      const host = isAny ? new URL(bootUrl).hostname : address.includes(':') ? `[${address}]` : address;
      return { arch: state.arch, url: `https://${host}:${port}`, pin, commandLine: state.commandLine };
    },
    async asset({ attempt, architecture, role, index, peer, grant, look }) {
      const initrd = role === 'initrd' ? AGENT_INITRDS[index] : undefined;
      if (initrd === 'boot-token') return await token(attempt, peer, grant, look);
      if (initrd !== 'image' && (role !== 'kernel' || index !== 0)) return missing('the agent has no such part');
      const image = images.of(architecture);
      const state = image.state();
      if (state.kind === 'missing') return state;
      const found = await image.asset(initrd === 'image' ? 'initrd' : 'kernel');
      if (found.kind === 'found') return { kind: 'blob', blob: found.blob };
      return missing(`the agent: ${found.because}`);
    },
  };
}

const missing = (because: string): AgentAsset => ({ kind: 'missing', because });
