import { retryDelayMs } from '../retry-delay.ts';
import type { RecordResult } from '../send-records.ts';
import type { EventQueue, QueuedEvent } from './event-queue.ts';

/** An event that the server refused, and the reason. */
export interface RefusedEvent extends Omit<RecordResult, 'status'> {
  readonly event: Readonly<Record<string, unknown>>;
}

export interface EventSenderOptions {
  /** Includes the key. */
  readonly eventsUrl: string;
  readonly intervalMs: number;
  readonly batchSize: number;
  readonly onRefused?: ((refused: readonly RefusedEvent[]) => void) | undefined;
}

/** Events per request. The server accepts 1,000, but a failed request is sent again as a whole. */
const eventsMax = 100;
/** Browsers limit the bytes of all requests that may outlive the page, including those of other scripts. */
const keepaliveBytesMax = 60_000;
const timeoutMs = 15_000;
const backoff = { firstMs: 1_000, maxMs: 60_000 };
/** The same request cannot succeed later. */
const permanentStatuses = [400, 413, 415, 422];

/** Sends the queue to the server, one request at a time. An event leaves the queue only after a response. */
export class EventSender {
  readonly #queue: EventQueue;
  readonly #options: EventSenderOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #draining: Promise<boolean> | undefined;
  #keepaliveRequest: readonly QueuedEvent[] = [];
  #failures = 0;
  #eventsMax = eventsMax;
  #isStopped = false;

  constructor(queue: EventQueue, options: EventSenderOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  /** Call it after adding events. Sends immediately if a batch is full, otherwise after the interval. */
  wake(): void {
    if (this.#failures > 0 || this.#isStopped) return;
    if (this.#queue.length >= this.#options.batchSize) void this.flush();
    else if (this.#queue.length > 0) this.#schedule(this.#options.intervalMs);
  }

  /** Sends now, even during a backoff. Resolves to whether the queue is empty. */
  flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined));
    return this.#draining;
  }

  /** Passes events to the browser that are in no keepalive request. They stay in the queue. */
  sendBeacon(): void {
    const events = this.#queue.all().filter((event) => !this.#keepaliveRequest.includes(event));
    let bytes = 0;
    const fitting = events.filter((event) => (bytes += event.bytes + 1) < keepaliveBytesMax);
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
      const { status, body, retryAfter } = await this.#post(batch);
      if (status === 413 && batch.length > 1) {
        this.#eventsMax = Math.ceil(batch.length / 2);
      } else if ((status >= 200 && status < 300) || permanentStatuses.includes(status)) {
        this.#failures = 0;
        this.#queue.remove(batch);
        this.#reportRefused(batch, status, body);
      } else {
        this.#queue.save();
        if (!this.#isStopped) this.#schedule(retryDelayMs(++this.#failures, retryAfter, backoff));
        return false;
      }
    }
    return true;
  }

  /** Resolves to status 0 without a response. */
  async #post(
    batch: readonly QueuedEvent[],
  ): Promise<{ status: number; body?: ResponseBody; retryAfter: string | null }> {
    const bytes = batch.reduce((sum, event) => sum + event.bytes + 1, 0);
    // A failure may come from the limit of keepalive bytes, so the next attempt does not use keepalive.
    const keepalive = bytes < keepaliveBytesMax / 2 && this.#failures === 0;
    if (keepalive) this.#keepaliveRequest = batch;
    try {
      // A request with plain text and without credentials needs no preflight.
      const response = await fetch(this.#options.eventsUrl, {
        method: 'POST',
        body: bodyOf(batch),
        keepalive,
        credentials: 'omit',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const body = (await response.json().catch(() => undefined)) as ResponseBody;
      return { status: response.status, body, retryAfter: response.headers.get('retry-after') };
    } catch {
      return { status: 0, retryAfter: null };
    } finally {
      this.#keepaliveRequest = [];
    }
  }

  #reportRefused(batch: readonly QueuedEvent[], status: number, body: ResponseBody): void {
    const all =
      status < 300 ? [] : batch.map((_, index): Result => ({ index, status: 'refused', message: body?.message }));
    const refused = (body?.results ?? all).filter((result) => result.status === 'refused');
    if (refused.length === 0) return;
    const toRefusedEvent = ({ index, field, reason, message }: Result): RefusedEvent => ({
      event: JSON.parse(batch[index]?.json ?? '{}') as RefusedEvent['event'],
      field,
      reason,
      message,
    });
    this.#options.onRefused?.(refused.map(toRefusedEvent));
  }
}

type Result = RecordResult & { readonly index: number };
type ResponseBody = { readonly results?: readonly Result[]; readonly message?: string } | undefined;

function bodyOf(events: readonly QueuedEvent[]): string {
  return `{"events":[${events.map(({ json }) => json).join(',')}]}`;
}
