import { ask, get } from './api.mjs';
import { ago, claimed, h, shown } from './dom.mjs';
import { stateOf, trackOf } from './machine-state.mjs';
import { timeline } from './timeline.mjs';

const ACTIONS = {
  accept: { label: 'Accept', hint: 'It may netboot what its profile says. No disk is touched by this.' },
  reject: { label: 'Reject', hint: 'Nothing is served to it until a person accepts it.' },
};

/** One machine: a row that opens. `update` draws what has changed; `traced` appends an event of its boot. */
export function machineRow(name, { mayAct }) {
  const row = h('button', { class: 'row', type: 'button', 'aria-expanded': 'false', click: toggle });
  const element = h('li', { class: 'machine' }, row);
  let machine;
  let detail;

  function draw() {
    const how = stateOf(machine);
    const track = trackOf(machine, how);
    element.dataset.state = how.state;
    const { location, status } = machine;
    const fact = (key) => (Object.hasOwn(status.facts, key) ? status.facts[key].value : undefined);
    const model = [fact('manufacturer'), fact('product')].filter(Boolean).join(' ');
    const system = [fact('firmware'), fact('arch')].filter(Boolean).join('\u00a0');
    const about = [model || machine.macs[0] || status.identifiers.macs[0], system];
    row.replaceChildren(
      h(
        'span',
        { class: 'who' },
        h(
          'span',
          { class: 'unit', title: location.unit ? `unit ${location.unit}` : 'no unit given' },
          location.unit ? String(location.unit) : '–',
        ),
        h('span', { class: 'name' }, name),
        claimed(about.filter(Boolean).join(' · '), { class: 'model' }),
      ),
      h(
        'span',
        { class: 'track' },
        h(
          'ol',
          { role: 'img', 'aria-label': track.step ? `stage ${track.step} of 6` : 'no boot seen' },
          track.marks.map((mark) => h('li', { class: mark })),
        ),
        h('span', {}, track.words),
      ),
      h('span', { class: 'verdict' }, h('span', { class: 'pill' }, how.label), claimed(how.cause, { class: 'cause' })),
      h(
        'span',
        { class: 'when' },
        h('time', {}),
        status.attempt?.address && h('span', { class: 'mono' }, status.attempt.address),
      ),
    );
    tick();
    detail?.draw(how);
  }

  /** Ages of things, drawn anew every second without touching the rest. */
  function tick() {
    const at = machine.status.attempt?.lastAt ?? machine.status.lastSeen;
    const time = row.querySelector('time');
    const text = at === undefined ? '' : ago(Date.now() - at);
    if (time && time.textContent !== text) time.textContent = text;
  }

  function toggle() {
    const open = !detail;
    row.setAttribute('aria-expanded', String(open));
    history.replaceState(null, '', open ? `#${name}` : location.pathname);
    if (open) {
      detail = machineDetail(() => machine, mayAct);
      element.append(detail.element);
      detail.draw(stateOf(machine));
    } else {
      detail.element.remove();
      detail = undefined;
    }
  }

  return {
    element,
    get machine() {
      return machine;
    },
    update(next) {
      machine = next;
      draw();
    },
    traced: (attempt, event) => detail?.traced(attempt, event),
    open() {
      if (!detail) toggle();
    },
    tick,
  };
}

function machineDetail(current, mayAct) {
  const answer = h('div', { class: 'answer' });
  const events = timeline();
  const facts = h('dl', { class: 'facts' });
  const none = h('p', { class: 'model' }, 'No boot has been seen yet. The timeline appears here while it boots.');
  const element = h(
    'div',
    { class: 'detail' },
    answer,
    h('div', {}, h('h3', {}, 'Boot timeline'), none, events.element),
    h(
      'div',
      {},
      h('h3', {}, 'What is known'),
      facts,
      h('h3', {}, 'In a terminal'),
      h(
        'div',
        { class: 'try' },
        ...['trace', 'explain'].map((verb) => h('code', {}, `ingot ${verb} ${current().name}`)),
      ),
    ),
  );
  let shownAttempt;

  async function load(id) {
    shownAttempt = id;
    const { items } = await get(`/api/v1/attempts/${id}/events`);
    if (shownAttempt === id) events.set(items);
    none.hidden = items.length > 0;
  }

  async function act(action, button) {
    button.disabled = true;
    try {
      await ask('POST', `/api/v1/machines/${current().name}/actions/${action}`);
    } catch (problem) {
      answer.append(
        h('p', { class: 'failed', role: 'alert' }, `${problem.message}${problem.next ? ` Next: ${problem.next}` : ''}`),
      );
    }
    button.disabled = false;
  }

  return {
    element,
    draw(how) {
      const { status } = current();
      const { attempt } = status;
      const next = attempt?.verdict.next;
      const offered =
        how.state === 'waiting' && mayAct
          ? ['accept', 'reject'].filter((action) => status.actions.includes(action))
          : [];
      answer.replaceChildren(
        h('div', {}, h('b', {}, how.label), ' ', claimed(how.cause)),
        ...(next && how.state !== 'running' && how.state !== 'quiet' ? [h('div', {}, 'Next: ', claimed(next))] : []),
        ...(offered.length > 0
          ? [
              h(
                'div',
                { class: 'do' },
                offered.map((action) =>
                  h(
                    'button',
                    {
                      class: `act ${action === 'accept' ? 'main' : ''}`,
                      type: 'button',
                      title: ACTIONS[action].hint,
                      click: ({ currentTarget }) => act(action, currentTarget),
                    },
                    ACTIONS[action].label,
                  ),
                ),
                h('span', { class: 'model' }, ACTIONS.accept.hint),
              ),
            ]
          : []),
      );
      // The row above says it already.
      answer.hidden = how.state !== 'attention' && how.state !== 'waiting';
      none.hidden = attempt !== undefined;
      events.element.hidden = attempt === undefined;
      if (attempt && attempt.id !== shownAttempt)
        load(attempt.id).catch((problem) =>
          events.element.replaceChildren(h('p', { class: 'failed' }, problem.message)),
        );
      facts.replaceChildren(
        ...factList(current()).flatMap(([key, value]) => [h('dt', {}, shown(key)), h('dd', {}, claimed(value))]),
      );
    },
    traced(attempt, event) {
      if (attempt === shownAttempt) events.add(event);
    },
  };
}

function factList(machine) {
  const { status, labels } = machine;
  const macs = [...new Set([...machine.macs, ...status.identifiers.macs])];
  const list = [
    ['MAC', macs.join(', ')],
    ['serial', machine.serial ?? status.identifiers.serials[0]],
    ['profile', machine.profile],
    ['locked', status.locked ? 'yes' : undefined],
    ...Object.entries(status.facts).map(([key, { value }]) => [key, value]),
    ...Object.entries(labels).map(([key, value]) => [`label ${key}`, value]),
  ];
  return list.filter(([, value]) => value !== undefined && value !== '');
}
