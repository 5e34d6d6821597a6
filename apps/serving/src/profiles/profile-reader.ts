import { isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { ProfileStore } from '@facet/profiles';
import type { ProfileReading, ReadProfile } from '@facet/recommendations';
import type { Metrics } from '../metrics/metrics.ts';

/** Reads profiles without ever failing a request. */
export interface ProfileReader {
  readonly read: ReadProfile;
  close(): Promise<void>;
}

/** After so many failures in a row the store is left alone, so that requests do not all wait for it. */
const failuresMax = 5;
/** How long, before one request tries again. */
const restMs = 1_000;

const unavailable: ProfileReading = { profile: undefined, isAvailable: false };

export function createProfileReader(
  store: ProfileStore,
  { metrics, logger }: { readonly metrics: Pick<Metrics, 'observeProfileRead'>; readonly logger: Logger },
): ProfileReader {
  let failures = 0;
  let restsUntil = 0;

  const succeed = (): void => {
    if (failures >= failuresMax) logger.info('profiles can be read again');
    failures = 0;
  };

  const fail = (error: unknown): void => {
    failures++;
    restsUntil = performance.now() + restMs;
    if (failures === failuresMax) logger.warn({ err: error }, 'profiles cannot be read: answering without them');
  };

  return {
    async read(userId) {
      const start = performance.now();
      if (failures >= failuresMax) {
        if (start < restsUntil) {
          metrics.observeProfileRead('unavailable', 0);
          return unavailable;
        }
        restsUntil = start + restMs;
      }
      const seconds = (): number => (performance.now() - start) / 1_000;
      try {
        const profile = await store.read(userId);
        succeed();
        metrics.observeProfileRead(profile === undefined ? 'unknown' : 'found', seconds());
        return { profile, isAvailable: true };
      } catch (error) {
        if (!isAppError(error) || !error.retryable) throw error;
        fail(error);
        metrics.observeProfileRead('unavailable', seconds());
        return unavailable;
      }
    },
    close: () => store.close(),
  };
}
