import type { Bundle } from '@facet/bundles';
import { ensureInstallation } from '@facet/config/installation';
import type { MilvusConnection } from '@facet/config/connections';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { VectorIndex } from '@facet/retrieval';
import type { MilvusIndexes } from '@facet/retrieval/milvus';
import type { ServingConfig } from '../config.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Returns the index that searches a loaded bundle. Closing it closes the index of the bundle. */
export type OpenIndex = (bundle: Bundle) => VectorIndex;

/**
 * Opens a Milvus for the indexes of the loaded bundles. Does not wait for Milvus.
 *
 * @param fills whether this process fills and drops collections
 * @throws AppError `HOME_UNWRITABLE`, those of `readInstallation`, and `CONNECTION_FILE_UNREADABLE`
 */
export async function openMilvusIndexes(
  { searchMsMax, ...milvus }: MilvusConnection,
  { home, metrics, logger, fills }: Pick<ServingConfig, 'home'> & { metrics: Metrics; logger: Logger; fills: boolean },
): Promise<MilvusIndexes> {
  const { id } = await ensureInstallation(home);
  // The package takes half a second to load.
  const { MilvusIndexes: Indexes } = await import('@facet/retrieval/milvus');
  const { address } = milvus;
  return new Indexes({
    milvus,
    installationId: id,
    fills,
    searchMsMax,
    observer: {
      searched: (outcome) => metrics.countMilvusSearch(outcome),
      changed: (waiting) => metrics.setMilvusWaiting(waiting),
      failed: (problem) =>
        logger.warn({ address, problem: describeError(problem) }, 'Milvus cannot be used: searching in process'),
      recovered: () => logger.info({ address }, 'Milvus responds again'),
      filled: (facts) => logger.info({ address, ...facts }, 'collection filled: searching in Milvus'),
      dropped: (collection) => logger.info({ address, collection }, 'unused collection dropped'),
      sweepFailed: (problem) =>
        logger.warn({ address, problem: describeError(problem) }, 'unused collections cannot be dropped'),
    },
  });
}
