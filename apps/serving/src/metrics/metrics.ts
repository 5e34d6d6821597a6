import { createHttpMetrics } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import type { ExposureCounts } from '@facet/exposures';
import type { AnswerSource } from '@facet/recommendations';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Loaded } from '../live/live-bundle.ts';

/** What was asked for. */
export type AnswerKind = 'recommendations' | 'interests' | 'similar';

export interface Metrics extends HttpMetrics {
  countAnswer(kind: AnswerKind, source: AnswerSource): void;
  /** @param outcome `unavailable`: the answer was made without the profile. */
  observeProfileRead(outcome: 'found' | 'unknown' | 'unavailable', seconds: number): void;
  /** How long a stage of a request took: of a batch, that of all its answers. */
  observeStage(route: string, stage: string, seconds: number): void;
  /** A search was done again exactly: of the items that were wanted, how many had been found. */
  observeIndexRecall(bundleId: string, found: { readonly hits: number; readonly wanted: number }): void;
  countArms(arms: Readonly<Record<string, string>>): void;
  /** What nobody sees. @param outcome `left_out`: there was no time, or no bundle. */
  countShadow(outcome: 'computed' | 'left_out' | 'failed'): void;
  /** Reads what the exposure log has done whenever the metrics are read. */
  watchExposures(counts: () => ExposureCounts): void;
  setLoaded(loaded: Loaded): void;
  /** Another bundle, or another delta of it, answers from now on. */
  countSwap(what: 'bundle' | 'delta'): void;
  /** One could not be taken up. @param what `arm`: the bundle of one. */
  countLoadFailure(what: 'bundle' | 'delta' | 'arm'): void;
  /** The guardrails have gone back to the bundle before. */
  countRollback(): void;
}

/** From a store in memory to far beyond what is waited for. */
const profileReadBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

/** From a merge of few items to an exact scan of many. */
const stageBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];

/** A new sample's part in the mean of the index recall: it is that of the last hundred or so. */
const recallWeight = 0.02;

/** The metrics of one app, in a registry of its own. */
export function createMetrics(): Metrics {
  const http = createHttpMetrics();
  const registers = [http.registry];
  const answers = new Counter({
    name: 'facet_serving_answers_total',
    help: 'Answers by where they came from; of the model, reason is empty or profiles_unavailable.',
    labelNames: ['kind', 'source', 'reason'] as const,
    registers,
  });
  const arms = new Counter({
    name: 'facet_serving_arm_answers_total',
    help: 'Answers by experiment and arm.',
    labelNames: ['experiment', 'arm'] as const,
    registers,
  });
  const shadows = new Counter({
    name: 'facet_serving_shadow_answers_total',
    help: 'What shadow arms would have answered: computed, left out for want of time or of a bundle, or failed.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const bundleInfo = new Gauge({
    name: 'facet_serving_bundle_info',
    help: 'Always 1; the labels say which bundle answers.',
    labelNames: ['bundle', 'model', 'dataset'] as const,
    aggregator: 'max',
    registers,
  });
  const dataEnd = new Gauge({
    name: 'facet_serving_bundle_data_end_seconds',
    help: 'The end of the data that the bundle was made of, in seconds since the epoch.',
    aggregator: 'max',
    registers,
  });
  const items = new Gauge({
    name: 'facet_serving_bundle_items',
    help: 'Items that are known, those of the delta included.',
    aggregator: 'max',
    registers,
  });
  const deltaItems = new Gauge({
    name: 'facet_serving_delta_items',
    help: 'How the catalog differs from the bundle: items that are added, withdrawn, returned or changed.',
    labelNames: ['change'] as const,
    aggregator: 'max',
    registers,
  });
  const swaps = new Counter({
    name: 'facet_serving_swaps_total',
    help: 'How often another bundle, or another delta of it, has come to answer.',
    labelNames: ['what'] as const,
    registers,
  });
  const loadFailures = new Counter({
    name: 'facet_serving_bundle_load_failures_total',
    help: 'Bundles and deltas that could not be taken up: the former goes on answering. Of arms: nobody enters them.',
    labelNames: ['what'] as const,
    registers,
  });
  const rollbacks = new Counter({
    name: 'facet_serving_rollbacks_total',
    help: 'How often the guardrails of this process have gone back to the bundle before.',
    registers,
  });
  for (const what of ['bundle', 'delta']) for (const counter of [swaps, loadFailures]) counter.inc({ what }, 0);
  loadFailures.inc({ what: 'arm' }, 0);
  const profiles = new Gauge({
    name: 'facet_serving_profiles',
    help: 'Users whose profile is in the memory of this process; none when profiles are in Redis.',
    aggregator: 'max',
    registers,
  });
  const profileReads = new Histogram({
    name: 'facet_serving_profile_read_duration_seconds',
    help: 'Time to read a profile, by whether it was found, unknown, or unavailable: then the answer is made without it.',
    labelNames: ['outcome'] as const,
    buckets: profileReadBuckets,
    registers,
  });
  const stages = new Histogram({
    name: 'facet_serving_stage_duration_seconds',
    help: 'Time that a request spent in a stage: profile, interests, filters, search, merge, render.',
    labelNames: ['route', 'stage'] as const,
    buckets: stageBuckets,
    registers,
  });
  const recall = new Gauge({
    name: 'facet_serving_index_recall',
    help: 'Share of the exact nearest items that live searches found: a sliding mean over samples of this bundle.',
    labelNames: ['bundle'] as const,
    aggregator: 'average',
    registers,
  });
  const recallWanted = new Counter({
    name: 'facet_serving_index_recall_wanted_total',
    help: 'Exact nearest items of the searches that were sampled.',
    registers,
  });
  const recallHits = new Counter({
    name: 'facet_serving_index_recall_hits_total',
    help: 'Those of them that the search had found.',
    registers,
  });
  let recallMean: { readonly bundleId: string; readonly value: number } | undefined;
  return {
    ...http,
    observeIndexRecall(bundleId, { hits, wanted }) {
      if (wanted === 0) return;
      const share = hits / wanted;
      const before = recallMean?.bundleId === bundleId ? recallMean.value : share;
      recallMean = { bundleId, value: before + recallWeight * (share - before) };
      recall.reset();
      recall.set({ bundle: bundleId }, recallMean.value);
      recallWanted.inc(wanted);
      recallHits.inc(hits);
    },
    observeStage: (route, stage, seconds) => stages.observe({ route, stage }, seconds),
    countAnswer: (kind, source) => answers.inc({ kind, source: source.kind, reason: source.reason ?? '' }),
    observeProfileRead: (outcome, seconds) => profileReads.observe({ outcome }, seconds),
    setLoaded({ bundle, delta, profileCount }) {
      bundleInfo.reset();
      bundleInfo.set({ bundle: bundle.id, model: bundle.info.modelId, dataset: bundle.info.datasetId }, 1);
      dataEnd.set(bundle.info.asOf / 1000);
      items.set(bundle.itemCount);
      for (const change of ['added', 'withdrawn', 'returned', 'changed'] as const) {
        deltaItems.set({ change }, delta?.[change] ?? 0);
      }
      profiles.set(profileCount ?? 0);
    },
    countArms(entered) {
      for (const [experiment, arm] of Object.entries(entered)) arms.inc({ experiment, arm });
    },
    countShadow: (outcome) => shadows.inc({ outcome }),
    watchExposures(counts) {
      const exposures = new Counter({
        name: 'facet_serving_exposures_total',
        help: 'Records of the exposure log: written, or dropped because the disk was too slow, full, or broken.',
        labelNames: ['outcome'] as const,
        registers,
        collect() {
          const { written, dropped } = counts();
          this.reset();
          this.inc({ outcome: 'written' }, written);
          this.inc({ outcome: 'dropped' }, dropped);
        },
      });
      exposures.inc({ outcome: 'written' }, 0);
    },
    countSwap: (what) => swaps.inc({ what }),
    countLoadFailure: (what) => loadFailures.inc({ what }),
    countRollback: () => rollbacks.inc(),
  };
}
