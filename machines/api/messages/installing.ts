import type { Duration, Integer64, Timestamp, Word } from './shape.ts';

export type ContainerdInstance = {
  readonly driver: Word<'CONTAINERD' | 'CRI'>;
  readonly namespace: Word<'NS_UNKNOWN' | 'NS_SYSTEM' | 'NS_CRI'>;
} | null;

/** The only containerd there is before an install. */
export const IN_MEMORY = { driver: 'CONTAINERD', namespace: 'NS_SYSTEM' } as const;
/** The one of the installed system, for its own images. */
export const SYSTEM = { driver: 'CRI', namespace: 'NS_SYSTEM' } as const;

type Source = { readonly image_name: string } | null;

/** `destination.disk` with /dev/. */
export type InstallRequest = {
  readonly containerd: ContainerdInstance;
  readonly source: Source;
  readonly destination: { readonly disk: string } | null;
};
export type LifecycleUpgradeRequest = { readonly containerd: ContainerdInstance; readonly source: Source };
/** The last one has the exit code; one that is not 0 is a failure although the call succeeds. */
export type LifecycleProgress = {
  readonly progress: {
    readonly response?: 'message' | 'exit_code';
    readonly message?: string;
    readonly exit_code?: number;
  } | null;
};

export type PullRequest = { readonly containerd: ContainerdInstance; readonly image_ref: string };
/** The last one carries the resolved name. */
export type PullProgress = {
  readonly response?: 'name' | 'pull_progress';
  readonly name?: string;
  readonly pull_progress?: {
    readonly layer_id: string;
    readonly progress: {
      readonly status: Word<'DOWNLOADING' | 'DOWNLOAD_COMPLETE' | 'EXTRACTING' | 'EXTRACT_COMPLETE' | 'ALREADY_EXISTS'>;
      readonly elapsed: Duration | null;
      readonly offset: Integer64;
      readonly total: Integer64;
    } | null;
  };
};

export type ImageListRequest = { readonly containerd: ContainerdInstance };
export type ListedImage = {
  readonly name: string;
  readonly digest: string;
  readonly size: Integer64;
  readonly created_at: Timestamp | null;
  readonly labels: Readonly<Record<string, string>>;
};
export type RemoveImageRequest = { readonly containerd: ContainerdInstance; readonly image_ref: string };
