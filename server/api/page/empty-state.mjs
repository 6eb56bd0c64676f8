import { h } from './dom.mjs';

const APPLIED = `kind: Machine
name: r1-u1
macs: ["52:54:00:00:00:01"]
profile: rescue`;

/** What a newcomer sees before the first machine. */
export function emptyState({ listeners }) {
  const heard = listeners.filter(({ name }) => /dhcp|tftp|boot/.test(name));
  const where =
    heard.length > 0
      ? heard.map(({ name, at }) => `${name} on ${at}`).join(', ')
      : 'nothing yet: no interface is configured';
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, 'No machine has been seen yet'),
    h(
      'p',
      {},
      `Listening: ${where}. A machine shows up here with its first packet; nothing is served to it, and no disk is touched, before you accept it.`,
    ),
    h(
      'ol',
      {},
      h(
        'li',
        {},
        h('b', {}, 'Power a machine on with network boot'),
        h(
          'span',
          {},
          'Put the network before the disk in its boot order, or choose it once from the boot menu (often F12).',
        ),
      ),
      h('li', {}, h('b', {}, 'Nothing appears? Ask what is in the way'), h('pre', {}, 'ingot doctor')),
      h(
        'li',
        {},
        h('b', {}, 'Or say beforehand which machines there are, and what they boot'),
        h('pre', {}, APPLIED),
        h('pre', {}, 'ingot apply -f rack.yaml'),
      ),
    ),
  );
}

export const nothingFound = (clear) =>
  h(
    'div',
    { class: 'empty' },
    h('h2', {}, 'No machine matches'),
    h('p', {}, 'Search looks at names, MACs, addresses, serials and models. '),
    h('button', { class: 'act', type: 'button', click: clear }, 'Show all machines'),
  );
