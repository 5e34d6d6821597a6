import type { ArtifactStore } from '@facet/artifacts';
import { readModelAttributes } from '@facet/bundles/model-attributes';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';

/** Cache time of the attributes of the current bundle. */
const freshMs = 10_000;

export interface ModelAttributesDeps {
  /** The artifacts of the data home. The ingest may run on a machine without them. */
  readonly store: ArtifactStore;
  /** `features.items` of facet.yaml. */
  readonly configured: 'auto' | readonly string[];
  readonly logger: Pick<Logger, 'warn'>;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Creates the function that returns the attributes of items that the model reads: those of the current bundle, or else those that
 * facet.yaml lists. Returns undefined if there is no current bundle and features.items is `auto`.
 */
export function createModelAttributes({
  store,
  configured,
  logger,
  now,
}: ModelAttributesDeps): () => Promise<readonly string[] | undefined> {
  const listed = configured === 'auto' ? undefined : configured;
  let known: { readonly at: number; readonly names: Promise<readonly string[] | undefined> } | undefined;

  async function read(): Promise<readonly string[] | undefined> {
    try {
      return (await readModelAttributes(store)) ?? listed;
    } catch (error) {
      logger.warn({ problem: describeError(error) }, 'cannot read which attributes the current bundle reads');
      return listed;
    }
  }

  return async () => {
    if (known === undefined || now() - known.at >= freshMs) known = { at: now(), names: read() };
    return known.names;
  };
}
