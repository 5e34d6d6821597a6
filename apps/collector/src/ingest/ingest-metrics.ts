import { createHttpMetrics } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { RecordWriterState } from './record-writer.ts';

export interface IngestMetrics extends HttpMetrics {
  countRecords(counted: {
    readonly kind: string;
    readonly producer: string;
    readonly outcome: 'accepted' | 'duplicate' | 'refused';
    readonly reason: string;
    readonly count: number;
  }): void;
  observeStored(where: 'log' | 'spool', seconds: number): void;
  countReplayed(records: number): void;
  /** Reads the gauges from what `state` says whenever somebody looks. */
  watch(state: () => RecordWriterState, now: () => number): void;
}

/** From a broker on the same machine to the time after which the spool takes over. */
const storeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createIngestMetrics(): IngestMetrics {
  const http = createHttpMetrics();
  const registers = [http.registry];
  const records = new Counter({
    name: 'facet_collector_records_total',
    help: 'Records (events, items, users) by the key that sent them and by outcome; reason is empty unless refused.',
    labelNames: ['kind', 'producer', 'outcome', 'reason'] as const,
    registers,
  });
  const storeSeconds = new Histogram({
    name: 'facet_collector_store_seconds',
    help: 'Time until a group of requests was safe; its count is the number of groups.',
    labelNames: ['stored'] as const,
    buckets: storeBuckets,
    registers,
  });
  const replayed = new Counter({
    name: 'facet_collector_spool_replayed_records_total',
    help: 'Records published from the spool.',
    registers,
  });
  return {
    ...http,
    countRecords: ({ count, ...labels }) => records.inc(labels, count),
    observeStored: (stored, seconds) => storeSeconds.observe({ stored }, seconds),
    countReplayed: (count) => replayed.inc(count),
    watch(state, now) {
      const gauge = (name: string, help: string, value: (current: RecordWriterState) => number): void => {
        new Gauge({ name, help, registers, collect: collectInto(() => value(state())) });
      };
      gauge(
        'facet_collector_log_reachable',
        '1 while the log acknowledges, 0 while it does not, -1 before the first try.',
        (now) => (now.isLogReachable === undefined ? -1 : Number(now.isLogReachable)),
      );
      gauge('facet_collector_queue_bytes', 'Bytes of records that wait to be stored.', (now) => now.queueBytes);
      gauge('facet_collector_spool_records', 'Records in the spool.', (now) => now.spool.records);
      gauge('facet_collector_spool_bytes', 'Bytes of the spool on the disk.', (now) => now.spool.bytes);
      gauge('facet_collector_spool_bytes_max', 'The bound of the spool.', (now) => now.spool.bytesMax);
      gauge(
        'facet_collector_spool_oldest_seconds',
        'Age of the oldest record in the spool; 0 when it is empty.',
        ({ spool }) => (spool.oldestAt === undefined ? 0 : Math.max(0, (now() - spool.oldestAt) / 1000)),
      );
    },
  };
}

function collectInto(value: () => number) {
  return function (this: Gauge): void {
    this.set(value());
  };
}
