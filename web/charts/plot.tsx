import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

export type Line = {
  readonly label: string;
  readonly colour: string;
  readonly values: readonly (number | undefined)[];
};

const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A chart over time. It is a picture with its newest figure as text beside it: the table behind it says the rest. */
export function Plot({
  at,
  lines,
  format,
  label,
  kind = 'line',
  least = 1,
  steps = 'decimal',
}: {
  at: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  label: string;
  kind?: 'line' | 'bars';
  /** The axis reaches at least so high. */
  least?: number;
  /** Of the upright axis: bytes are counted in powers of 1024. */
  steps?: 'decimal' | 'binary';
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const shape = lines.map((line) => line.label).join();

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const draw = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(
        optionsOf({ width: element.clientWidth, lines, format, kind, least, steps }),
        dataOf(at, lines),
        element,
      );
    };
    draw();
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    // Colours are the page's, and change with it.
    const repainted = new MutationObserver(draw);
    repainted.observe(document.documentElement, { attributeFilter: ['data-mantine-color-scheme'] });
    return () => {
      resized.disconnect();
      repainted.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- figures go in below, without drawing it anew
  }, [shape, kind, steps]);

  useEffect(() => chart.current?.setData(dataOf(at, lines)), [at, lines]);

  return <div className="plot" ref={place} role="img" aria-label={label} />;
}

const HEIGHT = 190;

const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const timeText = (at: number): string => MINUTE.format(at);

const dataOf = (at: readonly number[], lines: readonly Line[]): uPlot.AlignedData => [
  at.map((ms) => ms / 1000),
  ...lines.map(({ values }) => values.map((value) => value ?? null)),
];

type Shape = {
  readonly width: number;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly kind: 'line' | 'bars';
  readonly least: number;
  readonly steps: 'decimal' | 'binary';
};

const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** A chart of a moment says nothing: at least two minutes are shown. */
const SHORTEST_S = 120;

function optionsOf({ width, lines, format, kind, least, steps }: Shape): uPlot.Options {
  const axis = {
    stroke: colourOf('--soft'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  const bars = uPlot.paths.bars;
  return {
    width,
    height: HEIGHT,
    padding: [10, 22, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: {
        range: (chart, min, max) => {
          // A bar stands around its moment, and must not be cut at the edge.
          const [first = min, second = first] = chart.data[0];
          const half = kind === 'bars' ? (second - first) / 2 : 0;
          return [Math.min(min - half, max - SHORTEST_S), max + half];
        },
      },
      y: { range: (_chart, _min, max) => [0, Math.max(least, (max ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        space: 80,
        incrs: [60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800],
        values: (_chart, ticks) => ticks.map((second) => timeText(second * 1000)),
      },
      {
        ...axis,
        size: 62,
        values: (_chart, ticks) => ticks.map(format),
        ...(steps === 'binary' ? { incrs: POWERS_OF_TWO } : {}),
      },
    ],
    series: [
      {},
      ...lines.map(
        ({ label, colour }): uPlot.Series => ({
          label,
          stroke: colourOf(colour),
          width: kind === 'bars' ? 0 : 2,
          points: { show: false },
          // A minute without a value, as of a BMC that was not asked, does not tear the line.
          spanGaps: true,
          fill: kind === 'bars' ? colourOf(colour) : `${colourOf(colour)}22`,
          ...(kind === 'bars' && bars ? { paths: bars({ size: [0.7, 40] }) } : {}),
        }),
      ),
    ],
  };
}
