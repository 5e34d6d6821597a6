import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the sink counts and measures, beside the metrics of every process. */
export interface SinkMetrics {
  countEvents(count: number): void;
  countDeadLetters(topic: string, reason: string, count: number): void;
  countLate(days: number, count: number): void;
  countLost(topic: string, count: number): void;
  countSuperseded(): void;
  countRebalance(): void;
  observeCommit(commit: { readonly rows: number; readonly files: number; readonly seconds: number }): void;
  observeApply(seconds: number): void;
  /** From the moment an event was received until the profile store had it. */
  observeAge(seconds: number): void;
}

/** What gauges read when they are asked for. */
export interface SinkGauges {
  lags(): Iterable<{ readonly topic: string; readonly partition: number; readonly lag: number }>;
  stalledSeconds(): number;
  bufferedRows(): number;
  isMember(): boolean;
}

const secondsBuckets = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 600];
const rowsBuckets = [1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000, 500_000];

export function createSinkMetrics(registry: Registry): SinkMetrics {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `facet_sink_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `facet_sink_${name}`, help, buckets, registers });

  const events = counter('events_total', 'Events taken from the log.');
  const deadLetters = counter('dead_letters_total', 'Messages that could not be used, by reason.', ['topic', 'reason']);
  const late = counter('late_events_total', 'Events received on a later day than they happened, by days.', ['days']);
  const lost = counter('lost_messages_total', 'Messages that the log deleted before they were taken.', ['topic']);
  const superseded = counter('superseded_total', 'Batches that another writer had committed already.');
  const rebalances = counter('rebalances_total', 'Times that the consumer group was joined.');
  const commits = histogram('commit_seconds', 'Time to make a batch part of the lake.', secondsBuckets);
  const rows = histogram('commit_rows', 'Rows of a batch of the lake.', rowsBuckets);
  const files = counter('files_total', 'Files added to the lake.');
  const apply = histogram('profile_apply_seconds', 'Time to apply a batch to the profile store.', secondsBuckets);
  const age = histogram(
    'profile_age_seconds',
    'From receiving an event to having it in the profile store; a sample of each batch.',
    secondsBuckets,
  );
  return {
    countEvents: (count) => events.inc(count),
    countDeadLetters: (topic, reason, count) => deadLetters.inc({ topic, reason }, count),
    countLate: (days, count) => late.inc({ days: lateLabel(days) }, count),
    countLost: (topic, count) => lost.inc({ topic }, count),
    countSuperseded: () => superseded.inc(),
    countRebalance: () => rebalances.inc(),
    observeCommit(commit) {
      commits.observe(commit.seconds);
      rows.observe(commit.rows);
      files.inc(commit.files);
    },
    observeApply: (seconds) => apply.observe(seconds),
    observeAge: (seconds) => age.observe(seconds),
  };
}

/** Registers the gauges, which read from what the sink is made of. */
export function addSinkGauges(registry: Registry, read: SinkGauges): void {
  const registers = [registry];
  new Gauge({
    name: 'facet_sink_lag',
    help: 'Messages of the log that are not stored yet.',
    labelNames: ['topic', 'partition'] as const,
    registers,
    collect() {
      this.reset();
      for (const { topic, partition, lag } of read.lags()) this.set({ topic, partition }, lag);
    },
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `facet_sink_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  gauge('stalled_seconds', 'Seconds without progress while there is something to do.', () => read.stalledSeconds());
  gauge('buffered_rows', 'Rows that are taken and not in the lake yet.', () => read.bufferedRows());
  gauge('group_member', '1 while this process is a member of the consumer group.', () => (read.isMember() ? 1 : 0));
}

function lateLabel(days: number): string {
  if (days === 1) return '1';
  if (days <= 7) return '2-7';
  return days <= 30 ? '8-30' : 'over-30';
}
