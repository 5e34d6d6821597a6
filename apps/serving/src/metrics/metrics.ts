import type { Bundle } from '@facet/bundles';
import { createHttpMetrics } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import { Counter, Gauge } from 'prom-client';
import type { AnswerSource } from '../recommendations/answer-schema.ts';

export interface Metrics extends HttpMetrics {
  countAnswer(kind: 'recommendations' | 'interests', source: AnswerSource): void;
  setLoaded(bundle: Bundle, profileCount: number): void;
}

/** The metrics of one app, in a registry of its own. */
export function createMetrics(): Metrics {
  const http = createHttpMetrics();
  const registers = [http.registry];
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
    ...http,
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
