import { createHttpMetrics } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import type { ExposureCounts } from '@facet/exposures';
import type { ResponseSource } from '@facet/recommendations';
import { requestSpans } from '@facet/recommendations/spans';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Loaded } from '../bundle/live-bundle.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** From a store in memory to far beyond the read timeout. */
const profileReadBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

/** From a merge of few items to an exact scan of many. */
const spanBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];

/** Weight of a new sample in the moving average of index recall: roughly the last hundred samples count. */
const recallWeight = 0.02;

type Registers = HttpMetrics['registry'][];

/** Creates the metrics of one app, in a dedicated registry. */
export function createMetrics() {
  const http = createHttpMetrics();
  const registers = [http.registry];
  return {
    ...http,
    ...createResponseMetrics(registers),
    ...createBundleMetrics(registers),
    ...createProfileMetrics(registers),
    ...createIndexMetrics(registers),
    /** Reads the counts of the exposure log at each scrape. */
    watchExposures: (counts: () => ExposureCounts) => watchExposures(registers, counts),
  };
}

function createResponseMetrics(registers: Registers) {
  const responses = new Counter({
    name: 'facet_serving_responses_total',
    help: 'Responses by source; for the model, reason is empty or profiles_unavailable.',
    labelNames: ['kind', 'source', 'reason'] as const,
    registers,
  });
  const arms = new Counter({
    name: 'facet_serving_arm_responses_total',
    help: 'Responses by experiment and arm.',
    labelNames: ['experiment', 'arm'] as const,
    registers,
  });
  const shadows = new Counter({
    name: 'facet_serving_shadow_responses_total',
    help: 'Shadow arms: computed, left out for lack of time or of a bundle, or failed.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const spans = new Histogram({
    name: 'facet_serving_stage_duration_seconds',
    help: `Duration of the spans of a request: ${requestSpans.join(', ')}.`,
    labelNames: ['route', 'stage'] as const,
    buckets: spanBuckets,
    registers,
  });
  return {
    countResponse: (kind: 'recommendations' | 'interests' | 'rank' | 'similar', source: ResponseSource) =>
      responses.inc({ kind, source: source.kind, reason: source.reason ?? '' }),
    countArms(entered: Readonly<Record<string, string>>): void {
      for (const [experiment, arm] of Object.entries(entered)) arms.inc({ experiment, arm });
    },
    /** @param outcome `left_out`: no spare time, or no bundle. */
    countShadow: (outcome: 'computed' | 'left_out' | 'failed') => shadows.inc({ outcome }),
    /** Observes the duration of a span. For a batch, the sum over all lists. */
    observeSpan: (route: string, span: string, seconds: number) => spans.observe({ route, stage: span }, seconds),
  };
}

const deltaChanges = ['added', 'withdrawn', 'returned', 'changed', 'chosen'] as const;
type DeltaChanges = Readonly<Record<(typeof deltaChanges)[number], number>>;

function createBundleMetrics(registers: Registers) {
  const bundleInfo = new Gauge({
    name: 'facet_serving_bundle_info',
    help: 'Always 1; the labels name the live bundle.',
    labelNames: ['bundle', 'model', 'dataset'] as const,
    aggregator: 'max',
    registers,
  });
  const dataEnd = new Gauge({
    name: 'facet_serving_bundle_data_end_seconds',
    help: "The end of the bundle's data, in seconds since the epoch.",
    aggregator: 'max',
    registers,
  });
  const items = new Gauge({
    name: 'facet_serving_bundle_items',
    help: 'Known items, including those of the delta.',
    aggregator: 'max',
    registers,
  });
  const deltaItems = new Gauge({
    name: 'facet_serving_delta_items',
    help: 'Items that changed since the bundle was built: added, withdrawn, returned, changed, or chosen for the first time.',
    labelNames: ['change'] as const,
    aggregator: 'max',
    registers,
  });
  const profiles = new Gauge({
    name: 'facet_serving_profiles',
    help: 'Users whose profile is in the memory of this process; 0 with profiles in Redis.',
    aggregator: 'max',
    registers,
  });
  const swaps = new Counter({
    name: 'facet_serving_swaps_total',
    help: 'Swaps to another bundle, or to another delta of the bundle.',
    labelNames: ['what'] as const,
    registers,
  });
  const loadFailures = new Counter({
    name: 'facet_serving_bundle_load_failures_total',
    help: 'Bundles and deltas that could not be loaded. The live bundle stays; an arm without its bundle is not entered.',
    labelNames: ['what'] as const,
    registers,
  });
  const rollbacks = new Counter({
    name: 'facet_serving_rollbacks_total',
    help: 'Rollbacks by the guardrails of this process.',
    registers,
  });
  for (const what of ['bundle', 'delta']) for (const counter of [swaps, loadFailures]) counter.inc({ what }, 0);
  loadFailures.inc({ what: 'arm' }, 0);
  return {
    /** @param delta the number of items that the delta changes; undefined without a delta. */
    setLoaded({ bundle, profiles: { count } }: Loaded, delta: DeltaChanges | undefined): void {
      bundleInfo.reset();
      bundleInfo.set({ bundle: bundle.id, model: bundle.info.modelId, dataset: bundle.info.datasetId }, 1);
      dataEnd.set(bundle.info.asOf / 1000);
      items.set(bundle.itemCount);
      for (const change of deltaChanges) deltaItems.set({ change }, delta?.[change] ?? 0);
      profiles.set(count ?? 0);
    },
    /** Counts a swap to another bundle, or to another delta. */
    countSwap: (what: 'bundle' | 'delta') => swaps.inc({ what }),
    /** @param what `arm`: the bundle of an experiment arm. */
    countLoadFailure: (what: 'bundle' | 'delta' | 'arm') => loadFailures.inc({ what }),
    countRollback: () => rollbacks.inc(),
  };
}

function createProfileMetrics(registers: Registers) {
  const profileReads = new Histogram({
    name: 'facet_serving_profile_read_duration_seconds',
    help: 'Time to read a profile, by outcome: found, unknown, or unavailable.',
    labelNames: ['outcome'] as const,
    buckets: profileReadBuckets,
    registers,
  });
  let profilesAvailable: Gauge | undefined;
  return {
    /** @param outcome `unavailable`: the response was made without the profile. */
    observeProfileRead: (outcome: 'found' | 'unknown' | 'unavailable', seconds: number) =>
      profileReads.observe({ outcome }, seconds),
    /** Registers whether Redis provides profiles with the first call. */
    setProfilesAvailable(isAvailable: boolean): void {
      profilesAvailable ??= new Gauge({
        name: 'facet_serving_profiles_available',
        help: '1 while this process can read profiles from Redis, 0 during an outage.',
        aggregator: 'min',
        registers,
      });
      profilesAvailable.set(Number(isAvailable));
    },
  };
}

function createIndexMetrics(registers: Registers) {
  const recall = new Gauge({
    name: 'facet_serving_index_recall',
    help: 'Share of the exact nearest items that live searches found: a moving average over samples of this bundle.',
    labelNames: ['bundle'] as const,
    aggregator: 'average',
    registers,
  });
  const recallWanted = new Counter({
    name: 'facet_serving_index_recall_wanted_total',
    help: 'Exact nearest items of the sampled searches.',
    registers,
  });
  const recallHits = new Counter({
    name: 'facet_serving_index_recall_hits_total',
    help: 'Exact nearest items that the sampled searches had found.',
    registers,
  });
  let recallMean: { readonly bundleId: string; readonly value: number } | undefined;
  let milvusSearches: Counter<'outcome'> | undefined;
  let milvusWaiting: Gauge | undefined;
  return {
    /** Observes a repeated exact search: how many of the wanted items the approximate search had found. */
    observeIndexRecall(bundleId: string, { hits, wanted }: { readonly hits: number; readonly wanted: number }): void {
      if (wanted === 0) return;
      const share = hits / wanted;
      const before = recallMean?.bundleId === bundleId ? recallMean.value : share;
      recallMean = { bundleId, value: before + recallWeight * (share - before) };
      recall.reset();
      recall.set({ bundle: bundleId }, recallMean.value);
      recallWanted.inc(wanted);
      recallHits.inc(hits);
    },
    /** @param outcome `failed`: repeated in process; `in_process`: not sent to Milvus. Registers the counter with the first call. */
    countMilvusSearch(outcome: 'milvus' | 'failed' | 'in_process'): void {
      milvusSearches ??= new Counter({
        name: 'facet_serving_milvus_searches_total',
        help: 'Searches for items: by Milvus, failed in Milvus and repeated in process, or only in process.',
        labelNames: ['outcome'] as const,
        registers,
      });
      milvusSearches.inc({ outcome });
    },
    /** Sets the number of loaded bundles that Milvus does not search. Registers the gauge with the first call. */
    setMilvusWaiting(bundles: number): void {
      milvusWaiting ??= new Gauge({
        name: 'facet_serving_milvus_waiting_bundles',
        help: 'Loaded bundles that are searched in process, because their collection is not complete or Milvus does not respond.',
        aggregator: 'max',
        registers,
      });
      milvusWaiting.set(bundles);
    },
  };
}

function watchExposures(registers: Registers, counts: () => ExposureCounts): void {
  const exposures = new Counter({
    name: 'facet_serving_exposures_total',
    help: 'Records of the exposure log: written, or dropped because the disk is slow, full or broken.',
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
}
