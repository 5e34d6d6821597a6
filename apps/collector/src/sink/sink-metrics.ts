import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { groupLagOf, groupStalledMs, stalledMs } from './sink-state.ts';
import type { SinkState } from './sink-state.ts';

/** The counters and histograms of the sink, in addition to the metrics of every process. */
export type SinkMetrics = ReturnType<typeof createSinkMetrics>;

const secondsBuckets = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 600];
const rowsBuckets = [1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000, 500_000];

export function createSinkMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `facet_sink_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `facet_sink_${name}`, help, buckets, registers });

  const events = counter('events_total', 'Events processed from the log.');
  const deadLetters = counter('dead_letters_total', 'Invalid messages, by reason.', ['topic', 'reason']);
  const late = counter('late_events_total', 'Events received on a later day than they occurred, by days.', ['days']);
  const lost = counter('lost_messages_total', 'Messages that the log deleted before the sink processed them.', [
    'topic',
  ]);
  const superseded = counter('superseded_total', 'Batches that another writer had already committed.');
  const rebalances = counter('rebalances_total', 'Joins of the consumer group.');
  const commits = histogram('commit_seconds', 'Time to commit a batch to the lake.', secondsBuckets);
  const rows = histogram('commit_rows', 'Rows per commit to the lake.', rowsBuckets);
  const files = counter('files_total', 'Files added to the lake.');
  const apply = histogram('profile_apply_seconds', 'Time to apply a batch to the profile store.', secondsBuckets);
  const age = histogram(
    'profile_age_seconds',
    'Time from receiving an event to its profile in the profile store; a sample of each batch.',
    secondsBuckets,
  );
  return {
    countEvents: (count: number): void => events.inc(count),
    countDeadLetters: (topic: string, reason: string, count: number): void => deadLetters.inc({ topic, reason }, count),
    countLate: (days: number, count: number): void => late.inc({ days: lateLabel(days) }, count),
    countLost: (topic: string, count: number): void => lost.inc({ topic }, count),
    countSuperseded: (): void => superseded.inc(),
    countRebalance: (): void => rebalances.inc(),
    observeCommit(commit: { readonly rows: number; readonly files: number; readonly seconds: number }): void {
      commits.observe(commit.seconds);
      rows.observe(commit.rows);
      files.inc(commit.files);
    },
    observeApply: (seconds: number): void => apply.observe(seconds),
    /** Time from receiving an event to its profile in the profile store. */
    observeAge: (seconds: number): void => age.observe(seconds),
  };
}

/** The dependencies of the outages of a sink. */
const dependencies = ['catalog', 'kafka', 'lake', 'redis'];

/** Registers gauges that read the state on every scrape. */
export function addSinkGauges(
  registry: Registry,
  {
    readState,
    groupStallMs,
    now,
  }: { readonly readState: () => SinkState; readonly groupStallMs: number; readonly now: () => number },
): void {
  const registers = [registry];
  new Gauge({
    name: 'facet_sink_lag',
    help: 'Messages of the log that no member of the group has stored, for every partition of the topics.',
    labelNames: ['topic', 'partition'] as const,
    registers,
    collect() {
      this.reset();
      for (const position of readState().groupPartitions) {
        this.set({ topic: position.topic, partition: position.partition }, groupLagOf(position));
      }
    },
  });
  const gauge = (name: string, help: string, value: (state: SinkState) => number): void => {
    new Gauge({
      name: `facet_sink_${name}`,
      help,
      registers,
      collect() {
        this.set(value(readState()));
      },
    });
  };
  new Gauge({
    name: 'facet_sink_outage',
    help: '1 while the sink waits for the dependency.',
    labelNames: ['dependency'] as const,
    registers,
    collect() {
      const { outages } = readState();
      for (const dependency of dependencies) {
        this.set({ dependency }, Number(outages.some((outage) => outage.dependency === dependency)));
      }
    },
  });
  gauge('stalled_seconds', 'Seconds without progress while there is work.', (state) => stalledMs(state, now()) / 1000);
  gauge(
    'group_stalled_seconds',
    'Seconds without progress of the slowest partition with messages to store.',
    (state) => groupStalledMs(state, now()) / 1000,
  );
  gauge('group_stalled_seconds_max', 'Above it, the group is stalled and no sink is ready.', () => groupStallMs / 1000);
  gauge('buffered_rows', 'Rows that are processed and not in the lake.', ({ bufferedRows }) => bufferedRows);
  gauge('group_member', '1 while this process is a member of the consumer group.', ({ group }) =>
    Number(group.isMember),
  );
}

function lateLabel(days: number): string {
  if (days === 1) return '1';
  if (days <= 7) return '2-7';
  return days <= 30 ? '8-30' : 'over-30';
}
