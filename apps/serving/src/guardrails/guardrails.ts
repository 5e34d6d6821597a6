import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { describeViolations, judgeTraffic } from '@facet/bundles/guardrails';
import type { GuardrailSettings, TrafficFigures } from '@facet/bundles/guardrails';
import { describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { BundleSwap } from '../live/bundle-watcher.ts';
import type { LiveBundle } from '../live/live-bundle.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { TrafficWindow } from './traffic-window.ts';
import type { RequestOutcome } from './traffic-window.ts';

export interface GuardrailDeps {
  readonly store: ArtifactStore;
  readonly live: Pick<LiveBundle, 'loaded'>;
  readonly metrics: Pick<Metrics, 'countRollback'>;
  readonly logger: Logger;
  /** A clock in milliseconds that only goes forward. */
  readonly clock?: () => number;
}

/** Whose decisions they are in the promotion log. */
const decider = 'guardrails';

/** How long a rollback that failed for no reason of its own is left alone. */
const restMs = 10_000;

interface Trial {
  readonly bundleId: string;
  readonly since: number;
  readonly before: TrafficFigures;
  restsUntil: number;
}

/**
 * Watches the requests after a bundle was taken up, and goes back to the one before when they go wrong. Each process
 * judges by its own requests; the promotion log lets one of them decide, and none after a person has.
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
   * @param bundleId of the bundle that answered, or failed to; undefined when none was asked. Only the one that is live counts:
   *   not one that has been replaced, and not that of an arm.
   */
  record(bundleId: string | undefined, outcome: RequestOutcome): void {
    if (bundleId !== undefined && bundleId !== this.#deps.live.loaded?.bundle.id) return;
    this.#traffic.record(this.#clock(), outcome);
  }

  /** Another bundle answers from now on: its trial begins. */
  begin({ to }: BundleSwap): void {
    const now = this.#clock();
    this.#trial = { bundleId: to, since: now, before: this.#traffic.figures(now), restsUntil: now };
    this.#traffic.clear();
  }

  /** Looks at the trial, if there is one. Never fails. */
  async check(): Promise<void> {
    const trial = this.#trial;
    const now = this.#clock();
    if (trial === undefined || now < trial.restsUntil) return;
    const { bundleId, before } = trial;
    const after = this.#traffic.figures(now);
    const verdict = judgeTraffic(this.#settings, { before, after });
    if (verdict.kind === 'violated') {
      await this.#rollBack(trial, describeViolations(verdict.violations, after.requests));
    } else if (now - trial.since >= this.#windowMs) {
      this.#end(trial);
      this.#deps.logger.info(
        { bundleId, verdict: verdict.kind, ...after },
        'the guardrails have nothing against the bundle',
      );
    }
  }

  /** The trial is over; the bundle goes on answering. Another trial may have begun. */
  #end(trial: Trial): void {
    if (this.#trial?.bundleId === trial.bundleId) this.#trial = undefined;
  }

  async #rollBack(trial: Trial, because: string): Promise<void> {
    const { store, metrics, logger } = this.#deps;
    const { bundleId } = trial;
    try {
      const refusal = refuseRollback(bundleId, await store.promotions());
      if (refusal !== undefined) {
        this.#end(trial);
        logger.warn({ bundleId, because, refusal }, 'the guardrails are violated, and nothing is done');
        return;
      }
      const { id } = await store.rollback({ by: decider, reason: because, expectedCurrent: bundleId });
      this.#end(trial);
      metrics.countRollback();
      logger.error({ bundleId, to: id, because }, 'the guardrails have rolled the bundle back');
    } catch (error) {
      if (isAppError(error)) this.#end(trial);
      trial.restsUntil = this.#clock() + restMs;
      const facts = { bundleId, because, problem: describeError(error), err: error };
      if (isAppError(error, 'PROMOTION_CURRENT_CHANGED')) logger.info(facts, 'somebody else has decided already');
      else logger.error(facts, 'the guardrails are violated, and the bundle cannot be rolled back');
    }
  }
}

/**
 * Why a bundle must not be rolled back by the guardrails: a rollback was itself a decision against the other bundle, and
 * somebody who promotes again what the guardrails have rolled back knows better.
 */
function refuseRollback(bundleId: string, records: readonly PromotionRecord[]): string | undefined {
  const newest = records.findLast(({ kind }) => kind !== 'fence');
  if (newest?.ref?.id !== bundleId) return 'another bundle is current by now';
  if (newest.kind === 'rollback') return 'it is current by a rollback';
  const isRepeated = records.some(
    ({ kind, by, previous }) => kind === 'rollback' && by === decider && previous?.id === bundleId,
  );
  return isRepeated ? 'it was rolled back before and promoted again' : undefined;
}
