import { ask, get, watch } from './api.mjs';
import { h } from './dom.mjs';
import { emptyState, nothingFound } from './empty-state.mjs';
import { machineRow } from './machine-row.mjs';
import { stateOf } from './machine-state.mjs';

/** More rows than anybody reads; beyond them the daemon searches. */
const MAX_ROWS = 500;

const TILES = [
  ['all', 'machines'],
  ['attention', 'need a look'],
  ['waiting', 'to accept'],
  ['booting', 'booting'],
  ['running', 'running'],
  ['quiet', 'quiet'],
];

const at = (id) => document.getElementById(id);
const rows = new Map();
/** @type {{ site?: string, version?: string, listeners: { name: string, at: string }[] }} */
let status = { listeners: [] };
let shownState = 'all';
let total = 0;
let mayAct = false;

async function load() {
  const search = at('query').value.trim();
  const answer = await get(
    `/api/v1/machines?limit=${MAX_ROWS}${search ? `&search=${encodeURIComponent(search)}` : ''}`,
  );
  // Typed on meanwhile: a later answer is on its way.
  if (search !== at('query').value.trim()) return;
  total = answer.total;
  const names = new Set(answer.items.map(({ name }) => name));
  for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
  for (const machine of answer.items) put(machine);
  draw();
}

const reload = () => void load().catch(() => connection('lost'));

function put(machine) {
  let row = rows.get(machine.name);
  const isNew = !row;
  if (!row) rows.set(machine.name, (row = machineRow(machine.name, { mayAct })));
  row.update(machine);
  // An address can name the machine that is to be open.
  if (isNew && location.hash === `#${machine.name}`) row.open();
}

/** Order and grouping change seldom; rows draw themselves. */
function draw() {
  const all = [...rows.values()];
  drawTiles(all.map(({ machine }) => stateOf(machine).state));
  const visible = all.filter(({ machine }) => shownState === 'all' || stateOf(machine).state === shownState);
  const searching = at('query').value.trim() !== '';
  at('simulated').hidden = !all.some(({ machine }) => machine.labels.simulated === 'true');
  at('tiles').hidden = all.length === 0 && !searching;
  if (all.length === 0 && !searching) at('machines').replaceChildren(emptyState(status));
  else if (visible.length === 0) at('machines').replaceChildren(nothingFound(clear));
  else drawRacks(visible);
}

function drawRacks(visible) {
  const racks = new Map();
  for (const row of visible) {
    const { location, status: known } = row.machine;
    const name =
      known.acceptance === 'seen' && !location.rack
        ? 'Seen, not in a rack'
        : location.rack
          ? `Rack ${location.rack}`
          : 'Machines';
    racks.set(name, [...(racks.get(name) ?? []), row]);
  }
  const sections = [...racks].map(([name, members]) =>
    h(
      'section',
      { class: 'rack' },
      h('h2', {}, name, h('small', {}, count(members.length))),
      h(
        'ul',
        { class: 'machines' },
        members.map(({ element }) => element),
      ),
    ),
  );
  const left = total - rows.size;
  at('machines').replaceChildren(
    ...sections,
    ...(left > 0 ? [h('p', { class: 'note' }, `${left} more match; search to find them.`)] : []),
  );
}

function drawTiles(states) {
  const focused = document.activeElement?.dataset.tile;
  at('tiles').replaceChildren(
    ...TILES.map(([state, words]) => {
      const number = state === 'all' ? total : states.filter((one) => one === state).length;
      return h(
        'button',
        {
          class: 'tile',
          type: 'button',
          'data-tile': state,
          'data-state': state,
          'data-empty': number === 0,
          'aria-pressed': String(shownState === state),
          click: () => show(state),
        },
        h('b', {}, String(number)),
        h('span', {}, words),
      );
    }),
  );
  if (focused) at('tiles').querySelector(`[data-tile="${focused}"]`)?.focus();
}

function show(state) {
  shownState = shownState === state ? 'all' : state;
  draw();
}

function clear() {
  shownState = 'all';
  at('query').value = '';
  reload();
}

const count = (number) => `${number} ${number === 1 ? 'machine' : 'machines'}`;

/** Many changes come together while a rack boots: they are drawn once a frame. */
let planned = false;
function drawSoon() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    draw();
  });
}

function changed(change) {
  switch (change.kind) {
    case 'machine': {
      const searching = at('query').value.trim() !== '' || rows.size < total;
      if (!change.machine) {
        if (rows.delete(change.name)) total -= 1;
      } else if (rows.has(change.name)) put(change.machine);
      else if (!searching) {
        put(change.machine);
        total += 1;
        // The daemon knows the order.
        reload();
      }
      return drawSoon();
    }
    case 'attempt': {
      const row = rows.get(change.attempt.machine);
      if (!row) return undefined;
      const known = row.machine.status.attempt;
      if (known && known.id !== change.attempt.id && known.startedAt > change.attempt.startedAt) return undefined;
      put({ ...row.machine, status: { ...row.machine.status, attempt: change.attempt } });
      return drawSoon();
    }
    case 'trace':
      return rows.get(change.machine)?.traced(change.attempt, change.event);
    case 'reset':
      return reload();
    default:
      return undefined;
  }
}

function connection(state) {
  const words = { connecting: 'connecting', live: 'live', lost: 'connection lost, trying again' };
  at('live').dataset.state = state;
  at('live').replaceChildren(h('span', {}, words[state]));
}

function drawFooter() {
  at('about').textContent = status.site === 'default' ? '' : status.site;
  at('footer').replaceChildren(
    h('span', {}, `Ingot ${status.version}`),
    ...status.listeners.map(({ name, at: address }) =>
      h('span', {}, `${name} `, h('span', { class: 'mono' }, address)),
    ),
  );
}

at('simulated').append(
  h('strong', {}, 'This rack is simulated. '),
  'Its machines are software that speaks real DHCP, TFTP and HTTP to this daemon. For real ones: ',
  h('code', {}, 'sudo npx ingot serve --interface eth1'),
);
at('search').addEventListener('submit', (event) => event.preventDefault());
let typing;
at('query').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(reload, 150);
});
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '')) {
    event.preventDefault();
    at('query').focus();
  } else if (event.key === 'Escape' && document.activeElement === at('query')) clear();
});
at('leave').addEventListener('click', () => {
  void ask('DELETE', '/api/v1/session').then(() => location.assign('/'));
});
setInterval(() => {
  for (const row of rows.values()) row.tick();
}, 1000);

const [who, system] = await Promise.all([get('/api/v1/session'), get('/api/v1/status')]);
mayAct = who.role !== 'viewer';
status = system;
drawFooter();
// First listen, then read: nothing falls between.
watch({ onChange: changed, onState: connection });
await load();
