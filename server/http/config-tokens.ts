import type { Grant } from '#machines/contract/machine.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import { CONFIG_ROOT } from '#machines/decide/config-path.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { BootTokens } from '#services/boot-tokens/boot-tokens.ts';
import type { Recorder } from '#services/trace/contract.ts';

/** Stands in a script until it is sent: as long as a token, and it opens nothing. */
const NO_TOKEN = `ingot_${'-'.repeat(43)}`;

/** How a boot script tells where its machine’s configuration is. */
export type ConfigTokens = {
  /** For a machine that reaches us so; with a place holder for the token. */
  urlAt(bootUrl: string): string;
  /**
   * The script with the attempt’s token in it, for the address that the attempt boots from. For anybody else, or if it
   * has been sent long ago, the place holder stays, which opens nothing.
   */
  fill(
    text: string,
    whose: { readonly attempt: Attempt | undefined; readonly peer: IpAddress; readonly grant: Grant | undefined },
  ): Promise<string>;
};

export function configTokens(parts: {
  readonly tokens: Pick<BootTokens, 'issue'>;
  readonly recorder: Pick<Recorder, 'macOf'>;
  /** Where the machine plane’s plain HTTP really listens. */
  readonly plane: () => { readonly address: string; readonly port: number };
}): ConfigTokens {
  return {
    urlAt(bootUrl) {
      const { address, port } = parts.plane();
      const isAny = address === '0.0.0.0' || address === '::';
      const host = isAny ? new URL(bootUrl).hostname : address.includes(':') ? `[${address}]` : address;
      return `http://${host}:${port}/${CONFIG_ROOT}/${NO_TOKEN}`;
    },
    async fill(text, { attempt, peer, grant }) {
      if (!text.includes(NO_TOKEN) || attempt?.mac === undefined || attempt.address !== peer) return text;
      const holder = parts.recorder.macOf(peer);
      if (holder !== undefined && holder !== attempt.mac) return text;
      const forJob = grant?.by.startsWith('job:') === true;
      const issued = await parts.tokens.issue({ attempt: attempt.id, mac: attempt.mac, forJob });
      return issued.kind === 'issued' ? text.replaceAll(NO_TOKEN, issued.token) : text;
    },
  };
}
