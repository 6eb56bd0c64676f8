import type { Integer64, Word } from './shape.ts';

export type PlannedDisk = {
  readonly name: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly bytes: Integer64;
  readonly signatures: readonly string[];
};

export type WipeWork = {
  readonly targets: readonly { readonly disk: PlannedDisk | null; readonly method: string; readonly seed: number }[];
};

export type WriteImageWork = {
  readonly disk: PlannedDisk | null;
  readonly path: string;
  readonly compression: string;
  readonly sha256: string;
  readonly raw_bytes: Integer64;
  readonly grow?: { readonly partition: string } | null;
  readonly seeds?: readonly SeedWork[];
  readonly efi_entry?: { readonly label: string } | null;
};

/** One of `volume` and `existing` is there. */
export type SeedWork = {
  readonly volume?: { readonly label: string } | null;
  readonly existing?: { readonly label: string; readonly type: string } | null;
  readonly files: readonly { readonly path: string; readonly content: Uint8Array; readonly mode: number }[];
};

/** One of `wipe` and `write_image` is there; `work` names it when it was read from the wire. */
export type OperateRequest = {
  readonly id: string;
  readonly wipe?: WipeWork | null;
  readonly write_image?: WriteImageWork | null;
};

export type OperationPhase = 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED';

export type OperationState = {
  readonly id: string;
  readonly phase: Word<OperationPhase>;
  readonly parts: readonly {
    readonly name: string;
    readonly phase: Word<OperationPhase>;
    readonly text: string;
    readonly progress: number;
    readonly result: Uint8Array;
  }[];
  readonly because: string;
};
