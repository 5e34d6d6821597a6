import { ExponentialBackoff, handleWhen, noJitterGenerator, retry } from 'cockatiel';
import { describeError, isAppError } from '@facet/platform';
import type { AppError, Logger } from '@facet/platform';

/** A dependency of the sink that does not work now. */
export interface Outage {
  readonly dependency: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly problem: string;
}

/**
 * Retries operations that fail with a retryable error, and records which dependencies fail. A failed read of the lake or the catalog
 * counts as their outage, whichever dependency the operation is for.
 */
export interface RetryPolicy {
  /**
   * Returns the value of `attempt` when it succeeds. Attempts that have begun are always finished.
   *
   * @throws the error if it is not retryable; the reason of `signal` instead of the next attempt after it aborts.
   */
  retry<Value>(dependency: string, attempt: () => Promise<Value>, signal: AbortSignal): Promise<Value>;
  /** Makes a single attempt and returns whether it succeeded. @throws the error if it is not retryable. */
  attemptOnce(dependency: string, attempt: () => Promise<unknown>): Promise<boolean>;
  readonly outages: readonly Outage[];
}

const isRetryable = (error: unknown): boolean => isAppError(error) && error.retryable;

/** Returns the dependency to blame for an error of an operation: the lake or the catalog by the error code, else the operation's own. */
const failedDependency = (operation: string, { code }: AppError): string =>
  // The sink keeps nothing but the lake on S3.
  code.startsWith('S3_') ? 'lake' : (/^EVENTS_(LAKE|CATALOG)_/.exec(code)?.[1]?.toLowerCase() ?? operation);

/** The maximum delay is also the time until an aborted caller notices, so it is short. */
const retries = retry(handleWhen(isRetryable), {
  maxAttempts: Number.POSITIVE_INFINITY,
  backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 1_000, generator: noJitterGenerator }),
});

export function createRetryPolicy(deps: { readonly logger: Logger; readonly now: () => number }): RetryPolicy {
  const { logger, now } = deps;
  /** By dependency, the outage and the last operation that found it. */
  const outages = new Map<string, { readonly outage: Outage; readonly operation: string }>();
  /** Ends the outages that the result of an operation disproves: those of its dependency and those that it found. */
  const endDisprovedOutages = (operation: string, failed?: string): void => {
    for (const [dependency, { outage, operation: finder }] of outages) {
      if (dependency === failed || (dependency !== operation && finder !== operation)) continue;
      outages.delete(dependency);
      logger.info({ dependency, seconds: (now() - outage.since) / 1000 }, 'dependency works again');
    }
  };
  const recordFailure = (operation: string, error: unknown): void => {
    if (!isAppError(error) || !error.retryable) return;
    const dependency = failedDependency(operation, error);
    const problem = describeError(error);
    endDisprovedOutages(operation, dependency);
    const known = outages.get(dependency)?.outage;
    if (known === undefined) logger.warn({ dependency, code: error.code, problem }, 'dependency failed; retrying');
    outages.set(dependency, { outage: { dependency, since: known?.since ?? now(), problem }, operation });
  };
  const tryOnce = async <Value>(operation: string, attempt: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await attempt();
      endDisprovedOutages(operation);
      return value;
    } catch (error) {
      recordFailure(operation, error);
      throw error;
    }
  };
  return {
    get outages() {
      return Array.from(outages.values(), ({ outage }) => outage);
    },
    retry: (dependency, attempt, signal) =>
      retries.execute(async () => {
        signal.throwIfAborted();
        return tryOnce(dependency, attempt);
      }),
    attemptOnce: (dependency, attempt) =>
      tryOnce(dependency, attempt).then(
        () => true,
        (error: unknown) => {
          if (isRetryable(error)) return false;
          throw error;
        },
      ),
  };
}
