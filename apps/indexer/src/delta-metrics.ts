import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Registers the metrics of deltas. Returns the function that counts an outcome. */
export function countDeltas(registry: Registry): (outcome: 'changed' | 'same' | 'failed') => void {
  const checks = new Counter({
    name: 'facet_indexer_deltas_total',
    help: 'Checks of a changed catalog, by outcome: published a delta, no delta needed, or failed.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  // Alerts see a rise from 0 only.
  for (const outcome of ['changed', 'same', 'failed']) checks.inc({ outcome }, 0);
  const last = new Gauge({
    name: 'facet_indexer_delta_timestamp_seconds',
    help: 'Time of the last successful check of a changed catalog, in seconds since the epoch.',
    registers: [registry],
  });
  return (outcome) => {
    checks.inc({ outcome });
    if (outcome !== 'failed') last.setToCurrentTime();
  };
}
