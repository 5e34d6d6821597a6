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
  until<Value>(dependency: string, attempt: () => Promise<Value>, signal: AbortSignal): Promise<Value>;
  /** Makes a single attempt and returns whether it succeeded. @throws the error if it is not retryable. */
  once(dependency: string, attempt: () => Promise<unknown>): Promise<boolean>;
  readonly outages: readonly Outage[];
}

const isRetryable = (error: unknown): boolean => isAppError(error) && error.retryable;

/** Returns the dependency that has failed in an operation on a dependency. */
const failedDependency = (dependency: string, { code }: AppError): string =>
  /^EVENTS_(LAKE|CATALOG)_/.exec(code)?.[1]?.toLowerCase() ?? dependency;

/** The maximum delay is also the time until an aborted caller notices, so it is short. */
const retries = retry(handleWhen(isRetryable), {
  maxAttempts: Number.POSITIVE_INFINITY,
  backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 1_000, generator: noJitterGenerator }),
});

export function createRetryPolicy(deps: { readonly logger: Logger; readonly now: () => number }): RetryPolicy {
  const { logger, now } = deps;
  const outages = new Map<string, Outage>();
  const end = (dependency: string): void => {
    const outage = outages.get(dependency);
    if (outage === undefined) return;
    outages.delete(dependency);
    logger.info({ dependency, seconds: (now() - outage.since) / 1000 }, 'dependency works again');
  };
  const note = (operation: string, error: unknown): void => {
    if (!isAppError(error) || !error.retryable) return;
    const dependency = failedDependency(operation, error);
    const problem = describeError(error);
    const known = outages.get(dependency);
    if (known === undefined) logger.warn({ dependency, code: error.code, problem }, 'dependency failed; retrying');
    outages.set(dependency, { dependency, since: known?.since ?? now(), problem });
  };
  const tryOnce = async <Value>(dependency: string, attempt: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await attempt();
      end(dependency);
      return value;
    } catch (error) {
      note(dependency, error);
      throw error;
    }
  };
  return {
    get outages() {
      return [...outages.values()];
    },
    until: (dependency, attempt, signal) =>
      retries.execute(async () => {
        signal.throwIfAborted();
        return tryOnce(dependency, attempt);
      }),
    once: (dependency, attempt) =>
      tryOnce(dependency, attempt).then(
        () => true,
        (error: unknown) => {
          if (isRetryable(error)) return false;
          throw error;
        },
      ),
  };
}
