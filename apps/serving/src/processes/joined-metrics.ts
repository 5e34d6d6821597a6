import { AggregatorRegistry } from 'prom-client';
import type { RegistryMetrics } from './messages.ts';

/**
 * Aggregates the metrics of several processes: counts are added, and gauges follow their `aggregator`. The counts of an ended
 * process stay, because a decreasing sum would look like a restart of the whole server.
 */
export class JoinedMetrics<Process> {
  readonly #latest = new Map<Process, RegistryMetrics>();
  #ofEnded: Promise<RegistryMetrics> = Promise.resolve([]);

  update(process: Process, metrics: RegistryMetrics): void {
    this.#latest.set(process, metrics);
  }

  /** Keeps the counts of an ended process and drops its gauges. */
  end(process: Process): void {
    const counts = (this.#latest.get(process) ?? []).filter(({ type }) => isCount(String(type)));
    this.#latest.delete(process);
    this.#ofEnded = this.#ofEnded.then((before) => AggregatorRegistry.aggregate([before, counts]).getMetricsAsJSON());
  }

  /** @param own the metrics of the supervisor. */
  async join(own: RegistryMetrics): Promise<string> {
    const ofEnded = await this.#ofEnded;
    return AggregatorRegistry.aggregate([...this.#latest.values(), ofEnded, own]).metrics();
  }
}

function isCount(type: string): boolean {
  return type === 'counter' || type === 'histogram' || type === 'summary';
}
