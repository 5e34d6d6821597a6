/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The values of each metric of a process, by name. */
export type Metrics = ReadonlyMap<string, readonly Sample[]>;

const linePattern = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)/;
const labelPattern = /(?<name>\w+)="(?<value>(?:[^"\\]|\\.)*)"/g;

/** Parses the Prometheus text format. */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const { name, labels = '', value } = linePattern.exec(line)?.groups ?? {};
    if (name === undefined) continue;
    const sample = { labels: parseLabels(labels), value: Number(value === '+Inf' ? Infinity : value) };
    const samples = metrics.get(name);
    if (samples === undefined) metrics.set(name, [sample]);
    else samples.push(sample);
  }
  return metrics;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { groups } of text.matchAll(labelPattern)) {
    labels[groups!['name']!] = groups!['value']!.replaceAll(/\\(.)/g, (_all, char: string) =>
      char === 'n' ? '\n' : char,
    );
  }
  return labels;
}

export type Wanted = Readonly<Record<string, string>>;

function matches({ labels }: Sample, wanted: Wanted): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** Returns the sum of the values with the given labels, or undefined if the process has no such metric. */
export function sumOf(metrics: Metrics, name: string, wanted: Wanted = {}): number | undefined {
  const samples = metrics.get(name)?.filter((sample) => matches(sample, wanted));
  return samples === undefined || samples.length === 0 ? undefined : samples.reduce((sum, { value }) => sum + value, 0);
}

/** Returns the distinct values of a label. */
export function labelValuesOf(metrics: Metrics, name: string, label: string): string[] {
  return [...new Set((metrics.get(name) ?? []).map(({ labels }) => labels[label] ?? ''))];
}

/** A histogram: how many observations are at most `le`, for ascending `le`. */
export type Buckets = readonly { readonly le: number; readonly count: number }[];

/** Returns the buckets of a histogram, added over all series with the given labels, less those of an earlier reading. */
export function bucketsOf(metrics: Metrics, name: string, wanted: Wanted = {}, before?: Metrics): Buckets {
  const counts = new Map<number, number>();
  const add = (from: Metrics | undefined, sign: 1 | -1): void => {
    for (const sample of from?.get(`${name}_bucket`) ?? []) {
      if (!matches(sample, wanted)) continue;
      const le = sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le']);
      counts.set(le, (counts.get(le) ?? 0) + sign * sample.value);
    }
  };
  add(metrics, 1);
  add(before, -1);
  return [...counts].map(([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le);
}

/**
 * Estimates a quantile as Prometheus does: linear within a bucket. Returns undefined without observations. Beyond the last bound,
 * it returns that bound.
 */
export function quantileOf(buckets: Buckets, quantile: number): number | undefined {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  const rank = quantile * total;
  const at = buckets.findIndex(({ count }) => count >= rank);
  const { le, count } = buckets[at]!;
  const { le: low, count: below } = buckets[at - 1] ?? { le: 0, count: 0 };
  if (le === Infinity) return low;
  return low + (le - low) * ((rank - below) / Math.max(1, count - below));
}

/** Returns the number of observations. */
export const observationsOf = (buckets: Buckets): number => buckets.at(-1)?.count ?? 0;

/** Returns how much a counter grew since an earlier reading. */
export function growthOf(name: string, { metrics, before, wanted = {} }: Growth): number {
  return (sumOf(metrics, name, wanted) ?? 0) - (sumOf(before, name, wanted) ?? 0);
}

interface Growth {
  readonly metrics: Metrics;
  readonly before: Metrics;
  readonly wanted?: Wanted;
}
