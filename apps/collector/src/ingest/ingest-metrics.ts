import { createHttpMetrics } from '@facet/http';
import { refusalReasons } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { SpoolState } from './spool/spool.ts';

export type IngestMetrics = ReturnType<typeof createIngestMetrics>;

/** The state of the storage behind the ingest, as gauges show it. */
export interface StorageState {
  /** Undefined until the first attempt to reach it. */
  readonly isLogReachable: boolean | undefined;
  readonly queueBytes: number;
  readonly spool: SpoolState;
}

/** Seconds, from the latency of a broker on the same machine to the acknowledgment timeout. */
const storeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createIngestMetrics() {
  const http = createHttpMetrics();
  const registers = [http.registry];
  const watched = new Map<string, () => readonly string[]>();
  const records = new Counter({
    name: 'facet_collector_records_total',
    help: 'Records (events, items, users) by API key and outcome; reason is empty unless refused.',
    labelNames: ['kind', 'producer', 'outcome', 'reason'] as const,
    registers,
    collect() {
      for (const [kind, producers] of watched) {
        for (const producer of producers()) {
          this.inc({ kind, producer, outcome: 'accepted', reason: '' }, 0);
          for (const reason of refusalReasons) this.inc({ kind, producer, outcome: 'refused', reason }, 0);
        }
      }
    },
  });
  const storeSeconds = new Histogram({
    name: 'facet_collector_store_seconds',
    help: 'Time to store a group of requests. The count is the number of groups.',
    labelNames: ['stored'] as const,
    buckets: storeBuckets,
    registers,
  });
  const replayed = new Counter({
    name: 'facet_collector_spool_replayed_records_total',
    help: 'Records published from the spool.',
    registers,
  });
  const refused = new Counter({
    name: 'facet_collector_spool_refused_records_total',
    help: 'Records of the spool that Kafka refused.',
    registers,
  });
  return {
    ...http,
    countRecords: (
      labels: Readonly<Record<'kind' | 'producer' | 'reason', string>> & Pick<IntakeCount, 'outcome'>,
      count: number,
    ): void => records.inc(labels, count),
    /** Adds counts of 0 for these producers on every scrape, so that alerts see the increase of their first records. */
    watchProducers: (kind: string, producers: () => readonly string[]): void => void watched.set(kind, producers),
    observeStored: (stored: 'log' | 'spool', seconds: number): void => storeSeconds.observe({ stored }, seconds),
    countReplayed(counted: { readonly forwarded: number; readonly refused: number }): void {
      replayed.inc(counted.forwarded);
      refused.inc(counted.refused);
    },
    /** Registers gauges that call `state` on every scrape. */
    watch(state: () => StorageState, now: () => number): void {
      const gauge = (name: string, help: string, value: (current: StorageState) => number): void => {
        new Gauge({
          name: `facet_collector_${name}`,
          help,
          registers,
          collect() {
            this.set(value(state()));
          },
        });
      };
      gauge(
        'log_reachable',
        '1 while Kafka acknowledges records, 0 while it does not, -1 until the first attempt.',
        ({ isLogReachable }) => (isLogReachable === undefined ? -1 : Number(isLogReachable)),
      );
      gauge('queue_bytes', 'Bytes of queued records.', ({ queueBytes }) => queueBytes);
      gauge('spool_records', 'Records in the spool.', ({ spool }) => spool.records);
      gauge('spool_bytes', 'Bytes of the spool on disk.', ({ spool }) => spool.bytes);
      gauge(
        'spool_refused_bytes',
        'Bytes of the spool in segments with records that Kafka refused.',
        ({ spool }) => spool.refusedBytes,
      );
      gauge('spool_bytes_max', 'Size limit of the spool.', ({ spool }) => spool.bytesMax);
      gauge('spool_oldest_seconds', 'Age of the oldest record in the spool; 0 for an empty spool.', ({ spool }) =>
        spool.oldestAt === undefined ? 0 : Math.max(0, (now() - spool.oldestAt) / 1000),
      );
    },
  };
}
