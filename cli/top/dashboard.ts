import { Box, type Key, render, Text, type TextProps, useInput } from 'ink';
import { createElement, type ReactNode } from 'react';
import type { Line, Tone } from './decide/line.ts';
import type { KeyName, TopEvent } from './decide/state.ts';

const STYLES: Readonly<Record<Tone, TextProps>> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  busy: { color: 'cyan' },
  waits: { color: 'yellow' },
  bad: { color: 'red' },
};

/** Without colours, what wants to be looked at is bold. */
const COLOURLESS: Readonly<Record<Tone, TextProps>> = {
  plain: {},
  dim: {},
  strong: { bold: true },
  good: {},
  busy: {},
  waits: { bold: true },
  bad: { bold: true },
};

export type Dashboard = {
  show(lines: readonly Line[]): void;
  /** Gives the terminal back as it was. */
  close(): Promise<void>;
};

/** The screen of a terminal, drawn by Ink; what is pressed is told. */
export function openDashboard({
  colour,
  onEvent,
}: {
  readonly colour: boolean;
  readonly onEvent: (event: TopEvent) => void;
}): Dashboard {
  const draw = (lines: readonly Line[]): ReactNode => createElement(Screen, { lines, colour, onEvent });
  const ink = render(draw([]), {
    alternateScreen: true,
    exitOnCtrlC: false,
    // It stands in front of a person, also where a variable says that this is a build machine.
    interactive: true,
    incrementalRendering: true,
    patchConsole: false,
  });
  return {
    show: (lines) => ink.rerender(draw(lines)),
    async close() {
      const exited = ink.waitUntilExit();
      ink.unmount();
      await exited;
      ink.cleanup();
    },
  };
}

function Screen({
  lines,
  colour,
  onEvent,
}: {
  readonly lines: readonly Line[];
  readonly colour: boolean;
  readonly onEvent: (event: TopEvent) => void;
}): ReactNode {
  useInput((text, key) => {
    const event = eventOf(text, key);
    if (event) onEvent(event);
  });
  return createElement(
    Box,
    { flexDirection: 'column' },
    ...lines.map((line, at) => createElement(Row, { key: at, line, styles: colour ? STYLES : COLOURLESS })),
  );
}

function Row({ line, styles }: { readonly line: Line; readonly styles: typeof STYLES }): ReactNode {
  const pieces = line.pieces.map(({ text, tone }, at) => createElement(Text, { key: at, ...styles[tone] }, text));
  // An empty line has a height only if there is something in it.
  return createElement(
    Text,
    { wrap: 'truncate', inverse: line.chosen === true },
    ...(pieces.length > 0 ? pieces : [' ']),
  );
}

const NAMES: readonly (readonly [keyof Key, KeyName])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'page-up'],
  ['pageDown', 'page-down'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
  ['tab', 'tab'],
];

function eventOf(text: string, key: Key): TopEvent | undefined {
  if (key.ctrl) return text === 'c' ? { kind: 'key', key: 'interrupt' } : undefined;
  const named = NAMES.find(([flag]) => key[flag] === true);
  if (named) return { kind: 'key', key: named[1] };
  return text === '' || key.meta ? undefined : { kind: 'typed', text };
}
