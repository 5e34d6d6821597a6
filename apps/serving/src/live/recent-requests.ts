import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '@facet/platform';

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
const saveEveryMs = 60_000;

/** The last requests that brought behaviors along, for a bundle to be warmed by. */
export class RecentRequests {
  readonly #requests: RecentRequest[] = [];
  readonly #clock: () => number;
  #next = 0;
  #recordedAt = -Infinity;
  #savedAt = -Infinity;
  #isSaved = true;

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
    this.#isSaved = false;
  }

  /** Takes over what was saved. Of a file that is not there, or is none of these, nothing. */
  async load(file: string): Promise<void> {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const request = parse(line);
      if (request !== undefined) this.record(request);
    }
    this.#isSaved = true;
    this.#recordedAt = -Infinity;
  }

  /** Saves what has come since; once a minute, or at the end. */
  async save(file: string, isAtEnd = false): Promise<void> {
    if (this.#isSaved || (!isAtEnd && this.#clock() - this.#savedAt < saveEveryMs)) return;
    this.#isSaved = true;
    this.#savedAt = this.#clock();
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(
      file,
      this.#requests.map((request) => `${JSON.stringify(request)}\n`),
    );
  }
}

function parse(line: string): RecentRequest | undefined {
  try {
    const { itemIds, limit } = JSON.parse(line) as Partial<Record<keyof RecentRequest, unknown>>;
    const isSound =
      Array.isArray(itemIds) &&
      itemIds.every((id) => typeof id === 'string') &&
      typeof limit === 'number' &&
      Number.isInteger(limit) &&
      limit >= 1 &&
      limit <= 1_000;
    return isSound ? { itemIds: itemIds as string[], limit } : undefined;
  } catch {
    return undefined;
  }
}
