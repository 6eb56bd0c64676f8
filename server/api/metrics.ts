/** One number by name, or several told apart by labels. Counters only grow; their names end in `_total`. */
export type Metric = {
  /** `ingot_tftp_bytes_total`: with its unit. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
};

export type Sample = { readonly labels?: Readonly<Record<string, string>>; readonly value: number };

/** A label with thousands of values would fill the database of whoever scrapes us: the rest is added up. */
const MAX_SAMPLES = 200;

/** The Prometheus text format, version 0.0.4. */
export function metricsText(metrics: readonly Metric[]): string {
  return metrics.map(metricText).join('');
}

function metricText({ name, help, type, samples }: Metric): string {
  const lines = bounded(samples).map(({ labels, value }) => `${name}${labelText(labels)} ${numberText(value)}`);
  return `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${type}\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}`;
}

function bounded(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= MAX_SAMPLES) return samples;
  const kept = samples.slice(0, MAX_SAMPLES - 1);
  const rest = samples.slice(MAX_SAMPLES - 1).reduce((sum, { value }) => sum + value, 0);
  const labels = Object.fromEntries(Object.keys(samples[0]?.labels ?? {}).map((key) => [key, 'other']));
  return [...kept, { labels, value: rest }];
}

function labelText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels ?? {}).map(
    ([key, value]) => `${key}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`,
  );
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const numberText = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';

/** What the process itself uses. */
export function processMetrics(): readonly Metric[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return [
    gauge('process_resident_memory_bytes', 'Resident memory.', rss),
    gauge('ingot_heap_used_bytes', 'JavaScript heap in use.', heapUsed),
    {
      name: 'process_cpu_seconds_total',
      help: 'Processor time, user and system.',
      type: 'counter',
      samples: [{ value: (userCPUTime + systemCPUTime) / 1e6 }],
    },
  ];
}

export const gauge = (name: string, help: string, value: number): Metric => ({
  name,
  help,
  type: 'gauge',
  samples: [{ value }],
});
