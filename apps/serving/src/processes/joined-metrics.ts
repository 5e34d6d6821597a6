import { AggregatorRegistry } from 'prom-client';
import type { Registry } from 'prom-client';

/** The metrics of one registry as they go from process to process. */
export type RegistryMetrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/**
 * The metrics of several processes as those of one: counts are added, and gauges joined as each says (`aggregator`). What a
 * process has counted stays when it has ended; a sum that went down would be taken for a restart of everything.
 */
export class JoinedMetrics<Process> {
  readonly #latest = new Map<Process, RegistryMetrics>();
  #ofEnded: Promise<RegistryMetrics> = Promise.resolve([]);

  /** Takes what a process has counted by now. */
  update(process: Process, metrics: RegistryMetrics): void {
    this.#latest.set(process, metrics);
  }

  /** A process has ended: what it counted is kept, its gauges tell of what is no more. */
  end(process: Process): void {
    const counts = (this.#latest.get(process) ?? []).filter(({ type }) => isCount(String(type)));
    this.#latest.delete(process);
    this.#ofEnded = this.#ofEnded.then((before) => AggregatorRegistry.aggregate([before, counts]).getMetricsAsJSON());
  }

  /** @param own of the process that joins them. */
  async join(own: RegistryMetrics): Promise<string> {
    const ofEnded = await this.#ofEnded;
    return AggregatorRegistry.aggregate([...this.#latest.values(), ofEnded, own]).metrics();
  }
}

function isCount(type: string): boolean {
  return type === 'counter' || type === 'histogram' || type === 'summary';
}
