import type { SilenceCode } from '#machines/contract/trace.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { Dhcp4Message } from '../wire/message.ts';
import type { Binding } from './binding.ts';
import type { Destination } from './destination.ts';
import type { Network } from './network.ts';

/** Every packet has one. Staying silent is an answer, with its reason. */
export type Answer = Reply | Silence;

export type Reply = {
  readonly kind: 'reply';
  readonly type: 'OFFER' | 'ACK' | 'NAK';
  readonly message: Dhcp4Message;
  readonly to: Destination;
  readonly proxy: boolean;
  readonly serverId: Ipv4;
  readonly because: string;
  /** As told to the client: a name, a URL, or nothing. */
  readonly bootFile: string | undefined;
  /** Why a client that boots over the network is told nothing to load. */
  readonly noBoot: { readonly code: SilenceCode; readonly because: string } | undefined;
  /** Done before it leaves. */
  readonly first: Hold | Bind | undefined;
};

export type Silence = {
  readonly kind: 'silence';
  readonly code: SilenceCode;
  readonly because: string;
  readonly effect: DropHold | Release | Decline | undefined;
};

/** The offered address is kept for its client. `probe`: ask first whether somebody uses it. */
export type Hold = {
  readonly kind: 'hold';
  readonly network: Network;
  readonly address: Ipv4;
  readonly key: string;
  readonly probe: boolean;
};
/** Durable before the ACK leaves. If the address turns out to be another's, `answerTaken` is the answer. */
export type Bind = {
  readonly kind: 'bind';
  readonly network: Network;
  readonly binding: Binding;
  readonly isReserved: boolean;
};
export type DropHold = { readonly kind: 'drop-hold'; readonly network: Network; readonly key: string };
export type Release = {
  readonly kind: 'release';
  readonly network: Network;
  readonly address: Ipv4;
  readonly key: string;
};
export type Decline = { readonly kind: 'decline'; readonly network: Network; readonly binding: Binding };

export const silence = (code: SilenceCode, because: string, effect?: Silence['effect']): Silence => ({
  kind: 'silence',
  code,
  because,
  effect,
});
