/** Lines of 24 by 24, drawn in the colour of the text. They stand beside words, never alone. */
const PATHS = {
  rack: 'M5 3h14v18H5zM5 9h14M5 15h14M8.5 6h.01M8.5 12h.01M8.5 18h.01M12 6h4M12 12h4M12 18h4',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  discover: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5M11 8v3l2 2',
  jobs: 'M4 6h10M4 12h7M4 18h5M15 15l3 3 4-6',
  image: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5',
  profile: 'M6 3h9l4 4v14H6zM14 3v5h5M9 12h6M9 16h6',
  cluster:
    'M12 3l7.500 4.300v8.600L12 20.300l-7.500-4.400V7.300zM12 9.500v5M9.800 10.800l4.400 2.400M14.200 10.800l-4.400 2.400',
  webhook: 'M4 12h9M10 8l4 4-4 4M17 5a8 8 0 0 1 0 14',
  network: 'M12 9V5M12 9l-6 6M12 9l6 6M9.5 3h5v3h-5zM3.5 15h5v4h-5zM15.5 15h5v4h-5z',
  chart: 'M4 4v16h16M8 15l3.5-4 3 2.5L20 7',
  audit: 'M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM9 12l2 2 4-4',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21',
  power: 'M12 3v9M7 6.5a7.5 7.5 0 1 0 10 0',
  lock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5',
  moon: 'M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z',
  menu: 'M4 7h16M4 12h16M4 17h16',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c1-4 4-5.5 7.5-5.5s6.500 1.500 7.500 5.500',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  plus: 'M12 5v14M5 12h14',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name, size = 18 }: { name: IconName; size?: number }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    strokeWidth={1.8}
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    <path d={PATHS[name]} />
  </svg>
);
