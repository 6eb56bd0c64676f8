import type { Integer64 } from './shape.ts';

export type EtcdMembers = {
  readonly legacy_members: readonly string[];
  readonly members: readonly {
    readonly id: Integer64;
    readonly hostname: string;
    readonly peer_urls: readonly string[];
    readonly client_urls: readonly string[];
    readonly is_learner: boolean;
  }[];
};

export type EtcdStatus = {
  readonly member_status: {
    readonly protocol_version: string;
    readonly db_size: Integer64;
    readonly db_size_in_use: Integer64;
    readonly leader: Integer64;
    readonly raft_index: Integer64;
    readonly raft_term: Integer64;
    readonly raft_applied_index: Integer64;
    readonly errors: readonly string[];
    readonly is_learner: boolean;
    readonly member_id: Integer64;
    readonly storage_version: string;
  } | null;
};
