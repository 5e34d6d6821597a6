import type { TopicNames } from '@facet/kafka';
import type { KeyRateLimiter } from '@facet/http';
import type { Logger } from '@facet/platform';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { IntakeCounter } from './intake-counter.ts';
import type { RecordWriter } from './record-writer.ts';

/** What the routes of the ingest need. */
export interface IngestDeps {
  readonly logger: Logger;
  readonly metrics: IngestMetrics;
  readonly writer: RecordWriter;
  readonly intake: IntakeCounter;
  readonly topics: TopicNames;
  readonly rateLimiter: KeyRateLimiter;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  readonly createId: () => string;
}
