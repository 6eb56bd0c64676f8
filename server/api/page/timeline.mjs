import { claimed, duration, h, shown } from './dom.mjs';
import { eventText } from './event-text.mjs';
import { spansOf } from './machine-state.mjs';

const MAX_SHOWN = 500;

/** A boot as a bar of its parts, and every event below it. `add` appends one that has just happened. */
export function timeline() {
  const bar = h('div', { class: 'spans', role: 'img' });
  const list = h('ol', { class: 'events', tabindex: '0', 'aria-label': 'Events of this boot' });
  const element = h('div', {}, bar, list);
  let events = [];

  function drawBar() {
    const spans = spansOf(events);
    bar.hidden = spans.length < 2;
    bar.setAttribute('aria-label', spans.map(({ stage, ms }) => `${stage} ${duration(ms)}`).join(', '));
    const longest = Math.max(1, ...spans.map(({ ms }) => ms));
    bar.replaceChildren(
      ...spans.map(({ stage, ms }) => {
        const part = h(
          'span',
          { title: `${stage}: ${duration(ms)}` },
          ms > longest / 8 ? `${stage} ${duration(ms)}` : '',
        );
        // Short parts stay visible beside long ones.
        part.style.flexGrow = String(Math.max(ms, longest / 25));
        return part;
      }),
    );
  }

  const item = (event) => {
    const { protocol, text, level } = eventText(event);
    const after = event.at - (events[0]?.at ?? event.at);
    return h(
      'li',
      { 'data-level': level },
      h('span', { class: 't' }, `+${(after / 1000).toFixed(2)} s`),
      h('span', { class: 'p' }, shown(protocol)),
      claimed(text, { class: 'text' }),
    );
  };

  return {
    element,
    set(all) {
      events = all;
      const left = all.length - MAX_SHOWN;
      list.replaceChildren(
        ...(left > 0 ? [h('li', {}, h('span'), h('span'), `${left} earlier events: ingot trace shows all`)] : []),
        ...all.slice(-MAX_SHOWN).map(item),
      );
      drawBar();
    },
    add(event) {
      if (events.some(({ seq }) => seq === event.seq)) return;
      events.push(event);
      const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 20;
      list.append(item(event));
      if (atEnd) list.scrollTop = list.scrollHeight;
      drawBar();
    },
  };
}
