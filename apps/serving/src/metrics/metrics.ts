import type { Bundle } from '@facet/bundles';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AnswerSource } from '../recommendations/answer-schema.ts';

export interface Metrics {
  readonly registry: Registry;
  /** @param route the route as declared, never the raw URL: that would make a series of every guess. */
  observeRequest(request: { method: string; route: string; statusCode: number; seconds: number }): void;
  countAnswer(kind: 'recommendations' | 'interests', source: AnswerSource): void;
  setLoaded(bundle: Bundle, profileCount: number): void;
}

/** From well under the time of a small catalog to what a caller will not wait for. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The metrics of one app, in a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'facet_http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: durationBuckets,
    registers,
  });
  const answers = new Counter({
    name: 'facet_serving_answers_total',
    help: 'Answers by where they came from; reason is empty for the model.',
    labelNames: ['kind', 'source', 'reason'] as const,
    registers,
  });
  const bundleInfo = new Gauge({
    name: 'facet_serving_bundle_info',
    help: 'Always 1; the labels say which bundle answers.',
    labelNames: ['bundle', 'model', 'dataset'] as const,
    registers,
  });
  const dataEnd = new Gauge({
    name: 'facet_serving_bundle_data_end_seconds',
    help: 'The end of the data that the bundle was made of, in seconds since the epoch.',
    registers,
  });
  const items = new Gauge({ name: 'facet_serving_bundle_items', help: 'Items of the bundle.', registers });
  const profiles = new Gauge({ name: 'facet_serving_profiles', help: 'Users whose profile is loaded.', registers });
  return {
    registry,
    observeRequest: ({ method, route, statusCode, seconds }) =>
      durations.observe({ method, route, status: statusCode }, seconds),
    countAnswer: (kind, source) =>
      answers.inc({ kind, source: source.kind, reason: source.kind === 'model' ? '' : source.reason }),
    setLoaded(bundle, profileCount) {
      bundleInfo.reset();
      bundleInfo.set({ bundle: bundle.id, model: bundle.info.modelId, dataset: bundle.info.datasetId }, 1);
      dataEnd.set(bundle.info.asOf / 1000);
      items.set(bundle.items.length - 1);
      profiles.set(profileCount);
    },
  };
}
