import { definePlugin } from '@facet/http';
import { limitDefault } from '@facet/recommendations';

/** The behaviors and the limit of a request, without the user. */
export interface RecentRequest {
  readonly itemIds: readonly string[];
  readonly limit: number;
}

const requestsMax = 64;
/** No model reads more behaviors. */
const itemIdsMax = 200;
/** Spreads the kept requests over some seconds under load. */
const recordEveryMs = 100;

/**
 * Keeps the last requests with behaviors, for warming new bundles. Only the memory of this process has them, because an erasure
 * of user data could not find them on a disk.
 */
export class RecentRequests {
  readonly #requests: RecentRequest[] = [];
  readonly #clock: () => number;
  #next = 0;
  #recordedAt = -Infinity;

  /** @param clock monotonic, in milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  get all(): readonly RecentRequest[] {
    return this.#requests;
  }

  /** Whether enough time has passed to record another request. */
  get isDue(): boolean {
    return this.#clock() - this.#recordedAt >= recordEveryMs;
  }

  /** Records a request, unless it has no behaviors: its response depends on the user, who is not kept. */
  record({ itemIds, limit }: RecentRequest): void {
    if (itemIds.length === 0) return;
    this.#recordedAt = this.#clock();
    this.#requests[this.#next] = { itemIds: itemIds.slice(-itemIdsMax), limit };
    this.#next = (this.#next + 1) % requestsMax;
  }
}

interface Body {
  readonly behaviors?: readonly (string | { readonly itemId: string })[];
  readonly limit?: number;
}

/** Records some of the successful requests to the routes of this context. */
export const recordRecentRequests = definePlugin<{ readonly recent: RecentRequests }>(
  'recent-requests',
  (app, { recent }) => {
    app.addHook('onResponse', (request, reply, done) => {
      if (reply.statusCode === 200 && recent.isDue) {
        const { behaviors = [], limit = limitDefault } = request.body as Body;
        recent.record({ itemIds: behaviors.map((one) => (typeof one === 'string' ? one : one.itemId)), limit });
      }
      done();
    });
  },
);
