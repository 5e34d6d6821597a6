import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';

/** Something that the sink needs and cannot use just now. */
export interface Trouble {
  readonly dependency: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly problem: string;
}

/** Tries again what failed for a reason that may go away, and knows what is failing. */
export interface Patience {
  /**
   * The value of `attempt`, once it succeeds; waits longer after each failure.
   *
   * @throws the error when it is not retryable, and the reason of `signal` when that aborts the wait.
   */
  until<Value>(dependency: string, attempt: () => Promise<Value>, signal: AbortSignal): Promise<Value>;
  /** Whether `attempt` succeeded, tried once. @throws the error when it is not retryable. */
  once(dependency: string, attempt: () => Promise<unknown>): Promise<boolean>;
  readonly troubles: readonly Trouble[];
}

const delayMsMin = 100;
const delayMsMax = 5_000;

export function createPatience({ logger, now }: { readonly logger: Logger; readonly now: () => number }): Patience {
  const troubles = new Map<string, Trouble>();
  const clear = (dependency: string): void => {
    const trouble = troubles.get(dependency);
    if (trouble === undefined) return;
    troubles.delete(dependency);
    logger.info({ dependency, seconds: (now() - trouble.since) / 1000 }, 'works again');
  };
  const report = (dependency: string, error: unknown): void => {
    if (!isAppError(error) || !error.retryable) throw error;
    const problem = describeError(error);
    const known = troubles.get(dependency);
    if (known === undefined) logger.warn({ dependency, code: error.code, problem }, 'does not work: trying again');
    troubles.set(dependency, { dependency, since: known?.since ?? now(), problem });
  };
  return {
    get troubles() {
      return [...troubles.values()];
    },
    async once(dependency, attempt) {
      try {
        await attempt();
        clear(dependency);
        return true;
      } catch (error) {
        report(dependency, error);
        return false;
      }
    },
    async until(dependency, attempt, signal) {
      for (let delayMs = delayMsMin; ; delayMs = Math.min(delayMs * 2, delayMsMax)) {
        signal.throwIfAborted();
        try {
          const value = await attempt();
          clear(dependency);
          return value;
        } catch (error) {
          report(dependency, error);
        }
        await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
