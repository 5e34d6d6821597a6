import { retryDelayMs } from '../retry-delay.ts';
import type { EventQueue, QueuedEvent } from './event-queue.ts';

/** An event that the server refused, and why. */
export interface RefusedEvent {
  readonly event: Readonly<Record<string, unknown>>;
  readonly field?: string | undefined;
  /** Stable, such as `missing`; absent when the request was refused as a whole. */
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

export interface EventSenderOptions {
  /** With the key. */
  readonly eventsUrl: string;
  readonly intervalMs: number;
  readonly batchSize: number;
  readonly onRefused?: ((refused: readonly RefusedEvent[]) => void) | undefined;
}

/** In a request. The server takes 1,000, but a request that fails is sent again as a whole. */
const eventsMax = 100;
/** Browsers refuse more in all requests that may outlive the page, those of other scripts included. */
const outlivingBytesMax = 60_000;
const timeoutMs = 15_000;
const backoff = { firstMs: 1_000, maxMs: 60_000 };
/** The same request cannot succeed later. */
const hopelessStatuses = [400, 413, 415, 422];

/** Empties the queue into the server: one request at a time, and an event leaves the queue only when it was answered. */
export class EventSender {
  readonly #queue: EventQueue;
  readonly #options: EventSenderOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #draining: Promise<boolean> | undefined;
  #outlivingRequest: readonly QueuedEvent[] = [];
  #failures = 0;
  #eventsMax = eventsMax;
  #isStopped = false;

  constructor(queue: EventQueue, options: EventSenderOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  /** To be called when events were added: sends at once when a batch is full, else after the interval. */
  wake(): void {
    if (this.#failures > 0 || this.#isStopped) return;
    if (this.#queue.length >= this.#options.batchSize) void this.flush();
    else if (this.#queue.length > 0) this.#schedule(this.#options.intervalMs);
  }

  /** Sends now, also while it waits for the next attempt. Resolves with whether nothing is left. */
  flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined));
    return this.#draining;
  }

  /** Hands over to the browser what no request that outlives the page carries. The events stay in the queue. */
  sendBeacon(): void {
    const events = this.#queue.all().filter((event) => !this.#outlivingRequest.includes(event));
    let bytes = 0;
    const fitting = events.filter((event) => (bytes += event.bytes + 1) < outlivingBytesMax);
    if (fitting.length > 0) navigator.sendBeacon(this.#options.eventsUrl, bodyOf(fitting));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), delayMs);
  }

  async #drain(): Promise<boolean> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.first(this.#eventsMax);
      const { status, answer, retryAfter } = await this.#post(batch);
      if (status === 413 && batch.length > 1) {
        this.#eventsMax = Math.ceil(batch.length / 2);
      } else if ((status >= 200 && status < 300) || hopelessStatuses.includes(status)) {
        this.#failures = 0;
        this.#queue.remove(batch);
        this.#reportRefused(batch, status, answer);
      } else {
        this.#queue.save();
        if (!this.#isStopped) this.#schedule(retryDelayMs(++this.#failures, retryAfter, backoff));
        return false;
      }
    }
    return true;
  }

  /** Status 0: there was no answer. */
  async #post(batch: readonly QueuedEvent[]): Promise<{ status: number; answer?: Answer; retryAfter: string | null }> {
    const bytes = batch.reduce((sum, event) => sum + event.bytes + 1, 0);
    // What is said above about the limit: the attempt after a failure goes without.
    const keepalive = bytes < outlivingBytesMax / 2 && this.#failures === 0;
    if (keepalive) this.#outlivingRequest = batch;
    const abort = new AbortController();
    const timeout = setTimeout(() => abort.abort(), timeoutMs);
    try {
      // A plain text from a public page needs no preflight; credentials have no part in it.
      const response = await fetch(this.#options.eventsUrl, {
        method: 'POST',
        body: bodyOf(batch),
        keepalive,
        credentials: 'omit',
        signal: abort.signal,
      });
      const answer = (await response.json().catch(() => undefined)) as Answer;
      return { status: response.status, answer, retryAfter: response.headers.get('retry-after') };
    } catch {
      return { status: 0, retryAfter: null };
    } finally {
      clearTimeout(timeout);
      this.#outlivingRequest = [];
    }
  }

  #reportRefused(batch: readonly QueuedEvent[], status: number, answer: Answer): void {
    const all = status < 300 ? [] : batch.map((_, index) => ({ index, status: 'refused', message: answer?.message }));
    const refused = (answer?.results ?? all).filter((result) => result.status === 'refused');
    if (refused.length === 0) return;
    this.#options.onRefused?.(
      refused.map(({ index, field, reason, message }: Result) => ({
        event: JSON.parse(batch[index]?.json ?? '{}'),
        field,
        reason,
        message,
      })),
    );
  }
}

interface Result {
  readonly index: number;
  readonly status: string;
  readonly field?: string | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

type Answer = { readonly results?: readonly Result[]; readonly message?: string } | undefined;

function bodyOf(events: readonly QueuedEvent[]): string {
  return `{"events":[${events.map(({ json }) => json).join(',')}]}`;
}
