/** A 64-bit number, which JavaScript's own cannot hold: decimal digits. */
export type Integer64 = `${bigint}`;

/** google.protobuf.Timestamp and Duration. */
export type Timestamp = { readonly seconds: Integer64; readonly nanos: number };
export type Duration = Timestamp;

/** A message without fields. */
export type Empty = Readonly<Record<symbol, never>>;

/** Filled by a proxy that asked several nodes; null on a direct connection. */
export type Metadata = {
  readonly hostname: string;
  readonly error: string;
  readonly status: { readonly code: number; readonly message: string } | null;
} | null;

/** The usual answer: one element for each node that was asked, so one on a direct connection. */
export type Envelope<T> = { readonly messages: readonly ({ readonly metadata: Metadata } & T)[] };

/** A piece of a stream of bytes. */
export type Data = { readonly metadata: Metadata; readonly bytes: Uint8Array };

/** A word of an enumeration, or its number where a newer program knows more words than we do. */
export type Word<T extends string> = T | number;

export type Any = { readonly type_url: string; readonly value: Uint8Array };

/** What may be sent as a `T`: what is left out has the wire's default, and safe numbers pass for 64-bit ones. */
export type Sendable<T> = T extends Integer64
  ? T | number
  : T extends string | number | boolean | Uint8Array | null
    ? T
    : T extends readonly (infer Element)[]
      ? readonly Sendable<Element>[]
      : { readonly [Key in keyof T]?: Sendable<T[Key]> | undefined };

export const timestamp = (ms: number): Sendable<Timestamp> => ({
  seconds: Math.floor(ms / 1000),
  nanos: Math.floor(ms % 1000) * 1_000_000,
});

export const milliseconds = (time: Timestamp): number => Number(time.seconds) * 1000 + time.nanos / 1_000_000;
