import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** Of hot metal: what can be pressed, and what is chosen. */
const copper: MantineColorsTuple = [
  '#fdf1e7',
  '#f8dfc9',
  '#f1bf94',
  '#eb9d5b',
  '#e5822e',
  '#d96c14',
  '#b4570c',
  '#984809',
  '#7c3a07',
  '#5e2b04',
];
/** For what cannot be taken back: dark enough for white words. */
const red: MantineColorsTuple = [
  '#fdecea',
  '#fae2df',
  '#f5bdb7',
  '#ff9d93',
  '#ee7468',
  '#dc3c30',
  '#b3261e',
  '#971f18',
  '#7a1913',
  '#5c120e',
];
/** Warm greys, so that the dark page is no blue one. */
const dark: MantineColorsTuple = [
  '#ece7de',
  '#c9c2b6',
  '#b0a799',
  '#8a8275',
  '#4a453d',
  '#38342d',
  '#2a2722',
  '#1f1c18',
  '#171511',
  '#100e0b',
];
const gray: MantineColorsTuple = [
  '#faf8f5',
  '#f4f1ec',
  '#ebe6de',
  '#dfd9ce',
  '#cdc5b8',
  '#aaa194',
  '#7d766b',
  '#5f5950',
  '#3c3832',
  '#242119',
];

export const MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";

export const theme = createTheme({
  primaryColor: 'copper',
  primaryShade: 6,
  autoContrast: true,
  luminanceThreshold: 0.34,
  colors: { copper, red, dark, gray },
  black: '#1d1b18',
  fontFamily: "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif",
  fontFamilyMonospace: MONOSPACE,
  defaultRadius: 'md',
  cursorType: 'pointer',
  headings: { fontWeight: '650' },
  components: {
    Modal: {
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    // What it puts there to hold the focus is no item of a menu (axe: aria-required-children).
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, events: { hover: true, focus: true, touch: false } } },
  },
});

/** Mantine's own names for what look/tokens.css says. */
export const cssVariables: CSSVariablesResolver = () => {
  const both = {
    '--mantine-color-body': 'var(--card)',
    '--mantine-color-text': 'var(--ink)',
    '--mantine-color-dimmed': 'var(--soft)',
    '--mantine-color-default-border': 'var(--line)',
    '--mantine-color-placeholder': 'var(--soft)',
    '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-error': 'var(--bad)',
  };
  return { variables: {}, light: both, dark: both };
};
