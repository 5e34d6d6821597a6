import { Counter, Gauge } from 'prom-client';
import type { HttpMetrics } from '../metrics/http-metrics.ts';
import type { Admission } from './admission.ts';

/** Shows an admission in the metrics of its app. */
export function addAdmissionMetrics({ registry }: HttpMetrics, admission: Admission): void {
  const registers = [registry];
  new Gauge({
    name: 'facet_http_admission_limit',
    help: 'How many requests may be worked on at a time now.',
    registers,
    collect() {
      this.set(admission.limit);
    },
  });
  new Gauge({
    name: 'facet_http_admission_busy',
    help: 'How many requests are worked on.',
    registers,
    collect() {
      this.set(admission.busy);
    },
  });
  new Counter({
    name: 'facet_http_turned_away_total',
    help: 'Requests that were refused as OVERLOADED because the limit was reached.',
    registers,
    collect() {
      this.reset();
      this.inc(admission.turnedAway);
    },
  });
}
