/** A request as it is kept to be asked again: what was chosen and how much is wanted, and nothing of who asked. */
export interface RecentRequest {
  readonly itemIds: readonly string[];
  readonly limit: number;
}

const requestsMax = 64;
/** No model reads more. */
const itemIdsMax = 200;
/** Of many requests a few are kept, so that those that are kept are of some seconds and not of one moment. */
const recordEveryMs = 100;

/**
 * The last requests that brought behaviors along, for a bundle to be warmed by. They are in the memory of this process only: what
 * somebody chose is not to be on a disk that no erasure reaches.
 */
export class RecentRequests {
  readonly #requests: RecentRequest[] = [];
  readonly #clock: () => number;
  #next = 0;
  #recordedAt = -Infinity;

  /** @param clock in milliseconds, only goes forward. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  get all(): readonly RecentRequest[] {
    return this.#requests;
  }

  /** Whether enough time has passed to keep another one. */
  get wantsOne(): boolean {
    return this.#clock() - this.#recordedAt >= recordEveryMs;
  }

  /** One without behaviors says nothing without the user that it names, which is not kept. */
  record({ itemIds, limit }: RecentRequest): void {
    if (itemIds.length === 0) return;
    this.#recordedAt = this.#clock();
    this.#requests[this.#next] = { itemIds: itemIds.slice(-itemIdsMax), limit };
    this.#next = (this.#next + 1) % requestsMax;
  }
}
