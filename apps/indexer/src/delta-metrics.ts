import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Counts what became of each look at a catalog that had changed. */
export function countDeltas(registry: Registry): (outcome: 'changed' | 'same' | 'failed') => void {
  const looks = new Counter({
    name: 'facet_indexer_deltas_total',
    help: 'Looks at a changed catalog: a delta was put in force, nothing was to be done, or it failed.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  const last = new Gauge({
    name: 'facet_indexer_delta_timestamp_seconds',
    help: 'When changes of the catalog were last brought into force or found to be so, in seconds since the epoch.',
    registers: [registry],
  });
  return (outcome) => {
    looks.inc({ outcome });
    if (outcome !== 'failed') last.setToCurrentTime();
  };
}
