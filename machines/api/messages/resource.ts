import type { Timestamp, Word } from './shape.ts';

/** A COSI resource as it goes over the wire. */
export type Resource = {
  readonly metadata: {
    readonly namespace: string;
    readonly type: string;
    readonly id: string;
    readonly version: string;
    readonly owner: string;
    /** running | tearingDown */
    readonly phase: string;
    readonly created: Timestamp | null;
    readonly updated: Timestamp | null;
    readonly finalizers: readonly string[];
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  } | null;
  /** `yaml_spec` is there for every type. */
  readonly spec: { readonly proto_spec: Uint8Array; readonly yaml_spec: string } | null;
};

export type LabelTerm = {
  readonly key: string;
  readonly op: Word<'EXISTS' | 'EQUAL' | 'NOT_EXISTS' | 'IN' | 'LT' | 'LTE' | 'LT_NUMERIC' | 'LTE_NUMERIC'>;
  readonly value: readonly string[];
  readonly invert: boolean;
};

export type ResourceQuery = {
  readonly label_query: readonly { readonly terms: readonly LabelTerm[] }[];
  readonly id_query: { readonly regexp: string } | null;
};

export type GetResource = { readonly namespace: string; readonly type: string; readonly id: string };
export type ListResources = {
  readonly namespace: string;
  readonly type: string;
  readonly options: ResourceQuery | null;
};
export type WatchResources = {
  readonly namespace: string;
  readonly type: string;
  /** One resource; absent for all of the type. */
  readonly id?: string;
  readonly options:
    | (ResourceQuery & {
        readonly bootstrap_contents: boolean;
        readonly tail_events: number;
        readonly aggregated: boolean;
        readonly start_from_bookmark?: Uint8Array;
        readonly bootstrap_bookmark: boolean;
      })
    | null;
  /** 1. */
  readonly api_version: number;
};

export type ResourceEvent = {
  readonly resource: Resource | null;
  readonly event_type: Word<'CREATED' | 'UPDATED' | 'DESTROYED' | 'BOOTSTRAPPED' | 'ERRORED' | 'NOOP'>;
  readonly old: Resource | null;
  readonly error?: string;
  readonly bookmark?: Uint8Array;
};
/** The first one has no event: the watch is established. */
export type WatchedResources = { readonly event: readonly ResourceEvent[] };
