import { changesCurrent } from '@facet/artifacts';
import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import type { Bundle } from '@facet/bundles';
import { describeViolations, judgeBundle } from '@facet/bundles/guardrails';
import type { GuardrailSettings, SwapMetrics } from '@facet/bundles/guardrails';
import { interestSimilarity } from '@facet/evaluation';
import type { UserInterests } from '@facet/evaluation';
import { definePlugin } from '@facet/http';
import { describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { compareBundles, inferUser, recommend } from '@facet/recommendations';
import type { RecommendationsResponse } from '@facet/recommendations';
import type { LiveBundle } from '../bundle/live-bundle.ts';
import { datedFrom, goldenHistories } from '../bundle/load-bundle.ts';
import type { RecentRequests, RecentRequest } from '../bundle/recent-requests.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { TrafficWindow } from './traffic-window.ts';
import type { RequestOutcome } from './traffic-window.ts';
import type { StoredTrial, TrialFile } from './trial-file.ts';

interface GuardrailDeps {
  readonly store: ArtifactStore;
  readonly live: Pick<LiveBundle, 'loaded'>;
  readonly metrics: Pick<Metrics, 'countRollback'>;
  readonly logger: Logger;
  readonly recent: Pick<RecentRequests, 'all'>;
  readonly trials: TrialFile;
  /** Monotonic, in milliseconds. */
  readonly clock?: () => number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Reports the outcome of every request in this context to the guardrails. */
export const judgeRecommendations = definePlugin<{ readonly guardrails: Pick<Guardrails, 'record'> }>(
  'guardrails',
  (app, { guardrails }) => {
    app.addHook('onResponse', ({ usedBundleId, recommendation }, { statusCode, elapsedTime }, done) => {
      const outcome = toOutcome(statusCode, recommendation?.response, elapsedTime);
      // A refused request, such as one during an overload, has no bundle.
      if (usedBundleId !== undefined && outcome !== undefined) guardrails.record(usedBundleId, outcome);
      done();
    });
  },
);

/** Returns undefined for a faulty request, which the bundle does not cause. */
function toOutcome(
  statusCode: number,
  response: RecommendationsResponse | undefined,
  ms: number,
): RequestOutcome | undefined {
  if (statusCode >= 500) return { kind: 'error' };
  if (response === undefined) return undefined;
  const { source, returned } = response;
  // The bundle does not cause unavailable profiles.
  const isFallback = source.kind === 'popular' && source.reason !== 'profiles_unavailable';
  return { kind: 'response', isFallback, isEmpty: returned === 0, ms };
}

/** The author of rollbacks in the promotion log. */
const author = 'guardrails';

/** Pause after a failed rollback. */
const retryMs = 10_000;

/** A killed process loses at most the counts of this time. */
const saveEveryMs = 2_000;

interface Trial extends Pick<StoredTrial, 'bundleId' | 'startedAt' | 'before'> {
  /** Monotonic milliseconds. */
  readonly since: number;
  swap: SwapMetrics | undefined;
  pausedUntil: number;
  savedAt: number;
}

/**
 * Tries out each bundle that goes live: compares it with the previous one, measures its requests, and rolls it back if it violates a
 * metric. Each process measures its own requests, and continues the trial after a restart. The first process that finds a violation
 * rolls back. No process rolls back after an operator's promotion or rollback.
 */
export class Guardrails {
  readonly #settings: GuardrailSettings;
  readonly #deps: GuardrailDeps;
  readonly #clock: () => number;
  readonly #now: () => number;
  readonly #windowMs: number;
  readonly #traffic: TrafficWindow;
  #trial: Trial | undefined;

  constructor(settings: GuardrailSettings, deps: GuardrailDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#clock = deps.clock ?? (() => performance.now());
    this.#now = deps.now ?? Date.now;
    this.#windowMs = settings.windowMinutes * 60_000;
    this.#traffic = new TrafficWindow(this.#windowMs);
  }

  /** Records a request. Requests to a replaced bundle, or to the bundle of an arm, do not count. */
  record(bundleId: string, outcome: RequestOutcome): void {
    if (bundleId === this.#deps.live.loaded?.bundle.id) this.#traffic.record(this.#clock(), outcome);
  }

  /** Begins the trial of a bundle that has gone live. Never fails. */
  async begin(previous: Bundle, bundle: Bundle): Promise<void> {
    const since = this.#clock();
    const before = this.#traffic.metrics(since);
    const trial = this.#start({ bundleId: bundle.id, since, startedAt: this.#now(), before, swap: undefined });
    trial.swap = await this.#compare(previous, bundle);
    await this.#save(trial);
  }

  #start(begun: Omit<Trial, 'pausedUntil' | 'savedAt'>): Trial {
    const now = this.#clock();
    this.#trial = { ...begun, pausedUntil: now, savedAt: now };
    this.#traffic.clear();
    return this.#trial;
  }

  /** Returns undefined if the bundle cannot be rolled back, or the comparison fails. */
  async #compare(previous: Bundle, bundle: Bundle): Promise<SwapMetrics | undefined> {
    const { store, recent, logger } = this.#deps;
    try {
      if (refuseRollback(bundle.id, await store.promotions()) !== undefined) return undefined;
      const swap = await measureSwap(previous, bundle, recent.all);
      logger.info({ from: previous.id, bundleId: bundle.id, ...swap }, 'bundles compared');
      return swap;
    } catch (error) {
      logger.warn({ from: previous.id, bundleId: bundle.id, err: error }, 'cannot compare the bundles');
      return undefined;
    }
  }

  /** Continues the trial that a process with this name, or another process, began for the live bundle. Never fails. */
  async resume(): Promise<void> {
    const { live, trials, logger } = this.#deps;
    const bundleId = live.loaded?.bundle.id;
    const stored = bundleId === undefined ? undefined : await trials.read(bundleId);
    if (stored === undefined) return trials.remove();
    const now = this.#clock();
    const { startedAt, before, swap, counts } = stored;
    const elapsedMs = Math.max(0, this.#now() - startedAt);
    if (elapsedMs >= this.#windowMs) return trials.remove();
    this.#start({ bundleId: stored.bundleId, since: now - elapsedMs, startedAt, before, swap });
    this.#traffic.restore(now, counts);
    logger.info(
      { bundleId, elapsedMs, requests: counts.responses + counts.errors },
      'continuing the trial of the bundle',
    );
  }

  /** Judges the current trial, if any. Never fails. */
  async check(): Promise<void> {
    const trial = this.#trial;
    const now = this.#clock();
    if (trial === undefined || now < trial.pausedUntil) return;
    const { bundleId, before, swap } = trial;
    const after = this.#traffic.metrics(now);
    const verdict = judgeBundle(this.#settings, { before, after, swap });
    if (verdict.kind === 'violated') {
      await this.#rollBack(trial, describeViolations(verdict.violations, { after, swap }));
    } else if (now - trial.since >= this.#windowMs) {
      await this.#end(trial);
      this.#deps.logger.info({ bundleId, verdict: verdict.kind, ...after }, 'the bundle passed the guardrails');
    } else if (now - trial.savedAt >= saveEveryMs) {
      await this.#save(trial);
    }
  }

  /** Stores the trial for the next process. */
  async close(): Promise<void> {
    if (this.#trial !== undefined) await this.#save(this.#trial);
  }

  async #save(trial: Trial): Promise<void> {
    const { bundleId, startedAt, before, swap } = trial;
    trial.savedAt = this.#clock();
    const counts = this.#traffic.counts(trial.savedAt);
    await this.#deps.trials.write({ format: 1, bundleId, startedAt, before, counts, ...(swap && { swap }) });
  }

  /** Ends a trial, unless another one has begun. */
  async #end(trial: Trial): Promise<void> {
    if (this.#trial?.bundleId !== trial.bundleId) return;
    this.#trial = undefined;
    await this.#deps.trials.remove();
  }

  async #rollBack(trial: Trial, reason: string): Promise<void> {
    const { store, metrics, logger } = this.#deps;
    const { bundleId } = trial;
    try {
      const refusal = refuseRollback(bundleId, await store.promotions());
      if (refusal !== undefined) {
        await this.#end(trial);
        logger.warn({ bundleId, reason, refusal }, 'guardrails violated, but not rolling back');
        return;
      }
      const { id } = await store.rollback({ by: author, reason, expectedCurrent: bundleId });
      await this.#end(trial);
      metrics.countRollback();
      logger.error({ bundleId, to: id, reason }, 'guardrails violated: rolled back');
    } catch (error) {
      if (isAppError(error)) await this.#end(trial);
      trial.pausedUntil = this.#clock() + retryMs;
      const facts = { bundleId, reason, problem: describeError(error), err: error };
      if (isAppError(error, 'PROMOTION_CURRENT_CHANGED')) logger.info(facts, 'another decision came first');
      else logger.error(facts, 'guardrails violated, but the rollback failed');
    }
  }
}

/**
 * Returns why the guardrails must not roll a bundle back. A rollback was a decision against the other bundle, and a repeated
 * promotion overrules the guardrails.
 */
function refuseRollback(bundleId: string, records: readonly PromotionRecord[]): string | undefined {
  const newest = records.findLast(changesCurrent);
  if (newest?.ref?.id !== bundleId) return 'another bundle is current';
  if (newest.kind === 'rollback') return 'the bundle is current by a rollback';
  const isRepeated = records.some(
    ({ kind, by, previous }) => kind === 'rollback' && by === author && previous?.id === bundleId,
  );
  return isRepeated ? 'the bundle was rolled back before and promoted again' : undefined;
}

/** Length of the compared lists, as in the gate. */
const limit = 50;
/** Longer comparisons end early: they share the processor with requests. */
const timeMaxMs = 2_000;

/**
 * Sends the same requests to a bundle and to its successor: recent ones, and the golden users of the previous bundle. Sends one request
 * at a time, while the new bundle serves. Requests without interests in the previous bundle do not count.
 */
export async function measureSwap(
  previous: Bundle,
  bundle: Bundle,
  recent: readonly RecentRequest[],
  clock: () => number = () => performance.now(),
): Promise<SwapMetrics> {
  const start = clock();
  const histories = [...goldenHistories(previous), ...recent.map(({ itemIds }) => itemIds)];
  const interests: { readonly before: UserInterests[]; readonly after: UserInterests[] } = { before: [], after: [] };
  // Both bundles must see behaviors of the same age.
  const now = Math.max(previous.info.asOf, bundle.info.asOf);
  const requests = histories.map((itemIds) => datedFrom(now, itemIds));
  const { compared, overlap } = await compareBundles(previous, bundle, requests, {
    isOver: () => clock() - start >= timeMaxMs,
    async respond(of, behaviors, side) {
      const result = await recommend(of, { behaviors, now, limit });
      const isComparable = result.source.kind === 'model' && result.items.length > 0;
      return side === 'after' || isComparable ? result : undefined;
    },
    onCompared({ request: behaviors }) {
      interests.before.push(inferUser(previous, { behaviors, now }).interests);
      interests.after.push(inferUser(bundle, { behaviors, now }).interests);
    },
  });
  return {
    compared,
    changedShare: 1 - overlap,
    interestCosine: {
      before: interestSimilarity(interests.before, previous.index.dim).meanCosine,
      after: interestSimilarity(interests.after, bundle.index.dim).meanCosine,
    },
  };
}
