import type { LakeWriter } from '@facet/lake';
import type { CatalogFeed } from '../catalog-feed.ts';
import type { DeadLetters } from '../dead-letters.ts';
import type { ProfileFeed } from '../profile-feed.ts';
import type { SinkMetrics } from '../sink-metrics.ts';

/** Where handlers put what messages hold. */
export interface HandlerDeps {
  readonly lake: LakeWriter;
  readonly catalog: CatalogFeed;
  readonly profiles: ProfileFeed;
  readonly deadLetters: DeadLetters;
  readonly metrics: SinkMetrics;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}
