import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { WatchEvent } from '#machines/contract/api/watch.ts';
import type { Job } from '#machines/contract/job.ts';
import type { PowerAction } from '#machines/contract/power.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import type { Tone } from './line.ts';

/** What is on the screen. Machines are named, so that a view outlives a change of its machine. */
export type View =
  | { readonly kind: 'rack' }
  | { readonly kind: 'machine'; readonly name: string; readonly scroll: number }
  /** `scroll`: lines above the end; 0 follows what comes. */
  | { readonly kind: 'trace'; readonly name: string; readonly scroll: number; readonly from: 'rack' | 'machine' };

/** What lies over the view and takes the keys. */
export type Overlay =
  | { readonly kind: 'help' }
  | { readonly kind: 'filter'; readonly before: string }
  | { readonly kind: 'power'; readonly machine: string; readonly at: number }
  | { readonly kind: 'sure'; readonly question: string; readonly effect: Effect };

export type Connection =
  | { readonly kind: 'reading' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly because: string };

/** One line of the log. */
export type News = { readonly at: number; readonly who: string; readonly text: string; readonly tone: Tone };

/** The boot that a machine's view or trace shows. */
export type OpenTrace = {
  readonly machine: string;
  readonly attempt: string | undefined;
  readonly events: readonly TraceEvent[];
};

/** Everything that the dashboard shows. Times are milliseconds since 1970. */
export type TopState = {
  readonly daemon: string;
  readonly machines: ReadonlyMap<string, MachineResource>;
  /** By id. Those that are over stay for as long as there are few. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Oldest first. */
  readonly news: readonly News[];
  readonly connection: Connection;
  readonly view: View;
  readonly overlay: Overlay | undefined;
  readonly filter: string;
  readonly selected: string | undefined;
  readonly trace: OpenTrace | undefined;
  /** What came of the last thing that was asked for. */
  readonly notice: { readonly text: string; readonly tone: Tone; readonly until: number } | undefined;
  readonly now: number;
  /** East of Greenwich, for the clock of whoever looks. */
  readonly offsetMs: number;
  readonly columns: number;
  readonly rows: number;
  /** Does the terminal draw more than ASCII? */
  readonly unicode: boolean;
};

export type KeyName =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'tab'
  | 'interrupt';

export type TopEvent =
  | { readonly kind: 'read'; readonly machines: readonly MachineResource[]; readonly jobs: readonly Job[] }
  | { readonly kind: 'changed'; readonly changes: readonly WatchEvent[] }
  | { readonly kind: 'connection'; readonly connection: Connection }
  | {
      readonly kind: 'traced';
      readonly machine: string;
      readonly attempt: string;
      readonly events: readonly TraceEvent[];
    }
  | { readonly kind: 'said'; readonly text: string; readonly tone: Tone }
  | { readonly kind: 'resized'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'clock'; readonly now: number }
  | { readonly kind: 'key'; readonly key: KeyName }
  /** Characters that were typed, or pasted, at once. */
  | { readonly kind: 'typed'; readonly text: string };

/** What the shell is asked to do. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'read-all' }
  | { readonly kind: 'accept'; readonly machine: string }
  | { readonly kind: 'power'; readonly machine: string; readonly action: PowerAction; readonly network: boolean }
  | { readonly kind: 'console'; readonly machine: string }
  /** Show this boot as it goes on; without one, the next of this machine. */
  | { readonly kind: 'follow'; readonly machine: string; readonly attempt: string | undefined }
  | { readonly kind: 'unfollow' };

export type Step = { readonly state: TopState; readonly effects: readonly Effect[] };

export const initialState = (given: {
  readonly daemon: string;
  readonly now: number;
  readonly offsetMs: number;
  readonly columns: number;
  readonly rows: number;
  readonly unicode: boolean;
}): TopState => ({
  ...given,
  machines: new Map(),
  jobs: new Map(),
  news: [],
  connection: { kind: 'reading' },
  view: { kind: 'rack' },
  overlay: undefined,
  filter: '',
  selected: undefined,
  trace: undefined,
  notice: undefined,
});
