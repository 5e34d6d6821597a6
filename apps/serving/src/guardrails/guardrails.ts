import { changesCurrent } from '@facet/artifacts';
import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { describeViolations, judgeTraffic } from '@facet/bundles/guardrails';
import type { GuardrailSettings, TrafficFigures } from '@facet/bundles/guardrails';
import { definePlugin } from '@facet/http';
import { describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { RecommendationsResponse } from '@facet/recommendations';
import type { BundleSwap } from '../bundle/bundle-watcher.ts';
import type { LiveBundle } from '../bundle/live-bundle.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { TrafficWindow } from './traffic-window.ts';
import type { RequestOutcome } from './traffic-window.ts';

export interface GuardrailDeps {
  readonly store: ArtifactStore;
  readonly live: Pick<LiveBundle, 'loaded'>;
  readonly metrics: Pick<Metrics, 'countRollback'>;
  readonly logger: Logger;
  /** Monotonic, in milliseconds. */
  readonly clock?: () => number;
}

/** Reports the outcome of every request in this context to the guardrails. */
export const judgeRecommendations = definePlugin<{ readonly guardrails: Pick<Guardrails, 'record'> }>(
  { name: 'guardrails' },
  (app, { guardrails }) => {
    app.addHook('onResponse', ({ usedBundleId, recommendation }, { statusCode, elapsedTime }, done) => {
      const outcome = judge(statusCode, recommendation?.response, elapsedTime);
      if (outcome !== undefined) guardrails.record(usedBundleId, outcome);
      done();
    });
  },
);

/** Returns undefined for a faulty request, which says nothing about the bundle. */
function judge(
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

/** The author of the decisions in the promotion log. */
const decider = 'guardrails';

/** Pause after a failed rollback. */
const retryMs = 10_000;

interface Trial {
  readonly bundleId: string;
  readonly since: number;
  readonly before: TrafficFigures;
  pausedUntil: number;
}

/**
 * Watches the requests after a bundle swap, and rolls back if they get worse. Each process judges its own requests. The
 * promotion log admits the rollback of one process, and none after a decision of a person.
 */
export class Guardrails {
  readonly #settings: GuardrailSettings;
  readonly #deps: GuardrailDeps;
  readonly #clock: () => number;
  readonly #windowMs: number;
  readonly #traffic: TrafficWindow;
  #trial: Trial | undefined;

  constructor(settings: GuardrailSettings, deps: GuardrailDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#clock = deps.clock ?? (() => performance.now());
    this.#windowMs = settings.windowMinutes * 60_000;
    this.#traffic = new TrafficWindow(this.#windowMs);
  }

  /**
   * Records a request. Requests to a replaced bundle, or to the bundle of an arm, do not count.
   *
   * @param bundleId undefined if no bundle was asked.
   */
  record(bundleId: string | undefined, outcome: RequestOutcome): void {
    if (bundleId !== undefined && bundleId !== this.#deps.live.loaded?.bundle.id) return;
    this.#traffic.record(this.#clock(), outcome);
  }

  /** Begins the trial of a new live bundle. */
  begin({ to }: BundleSwap): void {
    const now = this.#clock();
    this.#trial = { bundleId: to, since: now, before: this.#traffic.figures(now), pausedUntil: now };
    this.#traffic.clear();
  }

  /** Judges the current trial, if any. Never fails. */
  async check(): Promise<void> {
    const trial = this.#trial;
    const now = this.#clock();
    if (trial === undefined || now < trial.pausedUntil) return;
    const { bundleId, before } = trial;
    const after = this.#traffic.figures(now);
    const verdict = judgeTraffic(this.#settings, { before, after });
    if (verdict.kind === 'violated') {
      await this.#rollBack(trial, describeViolations(verdict.violations, after.requests));
    } else if (now - trial.since >= this.#windowMs) {
      this.#end(trial);
      this.#deps.logger.info({ bundleId, verdict: verdict.kind, ...after }, 'the bundle passed the guardrails');
    }
  }

  /** Ends a trial, unless another one has begun. */
  #end(trial: Trial): void {
    if (this.#trial?.bundleId === trial.bundleId) this.#trial = undefined;
  }

  async #rollBack(trial: Trial, reason: string): Promise<void> {
    const { store, metrics, logger } = this.#deps;
    const { bundleId } = trial;
    try {
      const refusal = refuseRollback(bundleId, await store.promotions());
      if (refusal !== undefined) {
        this.#end(trial);
        logger.warn({ bundleId, reason, refusal }, 'guardrails violated, but not rolling back');
        return;
      }
      const { id } = await store.rollback({ by: decider, reason, expectedCurrent: bundleId });
      this.#end(trial);
      metrics.countRollback();
      logger.error({ bundleId, to: id, reason }, 'guardrails violated: rolled back');
    } catch (error) {
      if (isAppError(error)) this.#end(trial);
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
    ({ kind, by, previous }) => kind === 'rollback' && by === decider && previous?.id === bundleId,
  );
  return isRepeated ? 'the bundle was rolled back before and promoted again' : undefined;
}
