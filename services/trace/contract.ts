import type { Attempt, TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

/** Whom an event is about: whatever the part that saw it knows. */
export type Subject = {
  /** From the packet, or from a name that carried it. */
  readonly mac?: MacAddress;
  /** The peer's address, joined to a MAC by what DHCP said last about it. */
  readonly address?: IpAddress;
  /** From a URL that we rendered. */
  readonly attempt?: string;
};

/** A UDP datagram as it came or went. */
export type TracePacket = {
  readonly source: { readonly address: IpAddress; readonly port: number };
  readonly destination: { readonly address: IpAddress; readonly port: number };
  readonly payload: Uint8Array;
};

/**
 * Joins what all protocols saw into boot attempts. Recording never waits, never throws and never slows a packet:
 * writes are batched and bounded, and what is dropped is counted in the trace itself.
 */
export type Recorder = {
  /**
   * Adds an event to the attempt it belongs to, starting a new one where machines/decide/attempt.ts says so. Gives the
   * attempt's id, or nothing if the event belongs to no netboot client and no registered MAC.
   */
  record(subject: Subject, body: TraceBody): string | undefined;
  /**
   * Keeps a datagram for `ingot trace --pcap`. Call it after `record`, with the attempt that `record` gave. The bytes
   * are copied; beyond the bounds nothing is kept, and that is counted.
   */
  packet?(subject: Subject, packet: TracePacket): void;
  /** The datagrams kept of an attempt, in order. */
  packets?(attempt: string): Promise<readonly (TracePacket & { readonly at: number })[]>;
  /** The attempt in progress, as it stands in memory. */
  live(subject: Subject): Attempt | undefined;
  /** Who has this address, by the DHCP traffic seen (also another server's), newest wins. */
  macOf(address: IpAddress): MacAddress | undefined;
  /** Newest first, of one millisecond by id; memory and store together. `before` and `beforeId` as the store has them. */
  attempts(query: {
    readonly machine?: string;
    readonly mac?: MacAddress;
    readonly limit: number;
    readonly before?: number;
    readonly beforeId?: string;
    readonly oldestFirst?: boolean;
  }): Promise<readonly Attempt[]>;
  attempt(id: string): Promise<Attempt | undefined>;
  events(attempt: string, after?: number): Promise<readonly TraceEvent[]>;
  /** Called for each event as it is recorded, and when a verdict changes without one (`event` undefined). */
  watch(listener: (attempt: Attempt, event: TraceEvent | undefined) => void): () => void;
};
