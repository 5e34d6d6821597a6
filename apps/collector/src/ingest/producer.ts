import type { ApiKey } from '@facet/platform';

/** Who sent something, as counts and erasures name it. */
export function producerOf(key: ApiKey | undefined): string {
  return key?.name ?? 'anybody';
}
