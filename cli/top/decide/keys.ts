import type { PowerAction } from '#machines/contract/power.ts';
import { namesOf, racksOf } from './rows.ts';
import type { Effect, KeyName, Step, TopState } from './state.ts';

/** The rows of the power menu. Those that take something away are asked about by name first. */
export const POWER_MENU = [
  { key: 'n', words: 'cycle, and boot once from the network', action: 'cycle', network: true, sure: true },
  { key: 'o', words: 'on', action: 'on', network: false, sure: false },
  { key: 's', words: 'shut down, and never take the power away', action: 'soft', network: false, sure: true },
  { key: 'x', words: 'off: shut down, then by force', action: 'off', network: false, sure: true },
  { key: 'c', words: 'cycle: off, proven off, on', action: 'cycle', network: false, sure: true },
  { key: 'r', words: 'reset at once, without asking the system', action: 'reset', network: false, sure: true },
] as const satisfies readonly {
  readonly key: string;
  readonly words: string;
  readonly action: PowerAction;
  readonly network: boolean;
  readonly sure: boolean;
}[];

const MAX_FILTER = 100;

export function afterKey(state: TopState, key: KeyName): Step {
  if (key === 'interrupt') return { state, effects: [{ kind: 'quit' }] };
  const { overlay } = state;
  switch (overlay?.kind) {
    case 'help':
      return stay({ ...state, overlay: undefined });
    case 'filter':
      return filterKey(state, overlay.before, key);
    case 'power':
      return powerKey(state, overlay, key);
    case 'sure':
      // Enter is too near to agree by it.
      return refused(state);
    case undefined:
      return viewKey(state, key);
    default:
      return overlay satisfies never;
  }
}

/** A paste is many characters at once: outside the filter they mean nothing, so that none of them acts on a machine. */
export function afterTyped(state: TopState, text: string): Step {
  const { overlay } = state;
  if (overlay?.kind === 'filter') {
    // A fast hand's Enter comes with the words before it.
    const [words = '', ...rest] = text.split(/[\r\n]/);
    const filter = (state.filter + printable(words)).slice(0, MAX_FILTER);
    return stay({ ...state, filter, overlay: rest.length > 0 ? undefined : overlay });
  }
  if (/^[jk]+$/.test(text) && overlay === undefined) {
    return stay(Array.from(text).reduce((one, character) => moved(one, character === 'j' ? 1 : -1), state));
  }
  if (Array.from(text).length !== 1) return stay(state);
  switch (overlay?.kind) {
    case 'help':
      return stay({ ...state, overlay: undefined });
    case 'power': {
      if (text === 'j' || text === 'k') return powerKey(state, overlay, text === 'j' ? 'down' : 'up');
      const at = POWER_MENU.findIndex(({ key }) => key === text);
      if (at >= 0) return chosen(state, overlay.machine, at);
      return text === 'q' || text === 'p' ? stay({ ...state, overlay: undefined }) : stay(state);
    }
    case 'sure':
      if (text !== 'y' && text !== 'Y') return refused(state);
      return { state: { ...state, overlay: undefined }, effects: [overlay.effect] };
    case undefined:
      return command(state, text);
    default:
      return overlay satisfies never;
  }
}

const stay = (state: TopState): Step => ({ state, effects: [] });
const printable = (text: string): string => text.replaceAll(/\p{C}/gu, '');

/** The machine that a key acts on. */
export const subject = ({ view, selected }: TopState): string | undefined =>
  view.kind === 'rack' ? selected : view.name;

function command(state: TopState, text: string): Step {
  const name = subject(state);
  const machine = name === undefined ? undefined : state.machines.get(name);
  switch (text) {
    case 'q':
      return state.view.kind === 'rack' ? { state, effects: [{ kind: 'quit' }] } : back(state);
    case '?':
    case 'h':
      return stay({ ...state, overlay: { kind: 'help' } });
    case '/':
      return stay({ ...state, view: { kind: 'rack' }, overlay: { kind: 'filter', before: state.filter } });
    case 'g':
      return viewKey(state, 'home');
    case 'G':
      return viewKey(state, 'end');
    case ' ':
      return viewKey(state, 'page-down');
    case 'p':
      return machine ? stay({ ...state, overlay: { kind: 'power', machine: machine.name, at: 0 } }) : stay(state);
    case 'c':
      return machine ? { state, effects: [{ kind: 'console', machine: machine.name }] } : stay(state);
    case 't':
      if (!machine || state.view.kind === 'trace') return stay(state);
      return stay({ ...state, view: { kind: 'trace', name: machine.name, scroll: 0, from: state.view.kind } });
    case 'a':
      if (!machine) return stay(state);
      if (machine.status.acceptance === 'accepted') return notice(state, `${machine.name} is accepted already`);
      return { state, effects: [{ kind: 'accept', machine: machine.name }] };
    default:
      return stay(state);
  }
}

const notice = (state: TopState, text: string): Step =>
  stay({ ...state, notice: { text, tone: 'dim', until: state.now + 4000 } });

const refused = (state: TopState): Step => notice({ ...state, overlay: undefined }, 'nothing was done');

function viewKey(state: TopState, key: KeyName): Step {
  switch (key) {
    case 'up':
      return stay(moved(state, -1));
    case 'down':
      return stay(moved(state, 1));
    case 'page-up':
      return stay(moved(state, -pageOf(state)));
    case 'page-down':
      return stay(moved(state, pageOf(state)));
    case 'home':
      return stay(moved(state, -Infinity));
    case 'end':
      return stay(moved(state, Infinity));
    case 'enter':
      if (state.view.kind !== 'rack' || state.selected === undefined) return stay(state);
      return stay({ ...state, view: { kind: 'machine', name: state.selected, scroll: 0 } });
    case 'escape':
    case 'backspace':
      if (state.view.kind === 'rack') return stay({ ...state, filter: '' });
      return back(state);
    case 'tab':
    case 'interrupt':
      return stay(state);
    default:
      return key satisfies never;
  }
}

function back(state: TopState): Step {
  const { view } = state;
  if (view.kind !== 'trace' || view.from === 'rack') return stay({ ...state, view: { kind: 'rack' } });
  return stay({ ...state, view: { kind: 'machine', name: view.name, scroll: 0 } });
}

const pageOf = ({ rows }: TopState): number => Math.max(1, Math.floor(rows / 2));

/** In the rack to another machine; elsewhere through the lines. */
function moved(state: TopState, by: number): TopState {
  const { view } = state;
  if (view.kind === 'machine') return { ...state, view: { ...view, scroll: clamp(view.scroll + by, 0, 1000) } };
  if (view.kind === 'trace') {
    const most = Math.max(0, (state.trace?.events.length ?? 0) - 1);
    return { ...state, view: { ...view, scroll: clamp(view.scroll - by, 0, most) } };
  }
  const names = namesOf(racksOf(state));
  const at = state.selected === undefined ? 0 : names.indexOf(state.selected);
  return { ...state, selected: names[clamp(at + by, 0, names.length - 1)] };
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

function filterKey(state: TopState, before: string, key: KeyName): Step {
  switch (key) {
    case 'enter':
      return stay({ ...state, overlay: undefined });
    case 'escape':
      return stay({ ...state, filter: before, overlay: undefined });
    case 'backspace':
      return stay({ ...state, filter: Array.from(state.filter).slice(0, -1).join('') });
    case 'up':
    case 'down':
      return stay(moved(state, key === 'up' ? -1 : 1));
    default:
      return stay(state);
  }
}

function powerKey(
  state: TopState,
  overlay: { readonly kind: 'power'; readonly machine: string; readonly at: number },
  key: KeyName,
): Step {
  const at = (by: number): Step =>
    stay({ ...state, overlay: { ...overlay, at: clamp(overlay.at + by, 0, POWER_MENU.length - 1) } });
  switch (key) {
    case 'up':
      return at(-1);
    case 'down':
      return at(1);
    case 'enter':
      return chosen(state, overlay.machine, overlay.at);
    case 'escape':
    case 'backspace':
      return stay({ ...state, overlay: undefined });
    default:
      return stay(state);
  }
}

function chosen(state: TopState, machine: string, at: number): Step {
  const row = POWER_MENU[at];
  if (!row) return stay(state);
  const effect: Effect = { kind: 'power', machine, action: row.action, network: row.network };
  if (!row.sure) return { state: { ...state, overlay: undefined }, effects: [effect] };
  return stay({ ...state, overlay: { kind: 'sure', question: `${machine}: ${row.words}?`, effect } });
}
