import { randomId } from './identity.ts';
import type { TextStorage } from './identity.ts';

/** An unsent event. */
export interface QueuedEvent {
  readonly json: string;
  /** Size of the JSON in UTF-8. */
  readonly bytes: number;
}

/** The copy in storage. */
interface SavedEvents {
  readonly savedAt: number;
  readonly events: readonly object[];
}

const queuePrefix = 'queue.';
/** A page with unsent events saves its queue at least this often. A page that does not is gone. */
const abandonedAfterMs = 5 * 60_000;
const encoder = new TextEncoder();

/**
 * The unsent events of a page, oldest first, with a copy in storage that outlives the page. The next page adopts the copies
 * of pages that are gone.
 */
export class EventQueue {
  readonly #storage: TextStorage;
  readonly #max: number;
  readonly #name = queuePrefix + randomId();
  #events: QueuedEvent[] = [];
  #dropped = 0;
  #isReleased = false;

  constructor(storage: TextStorage, max: number) {
    this.#storage = storage;
    this.#max = max;
    this.#adoptAbandoned();
  }

  get length(): number {
    return this.#events.length;
  }

  /** Number of events that were lost because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Returns the oldest events, at most `count`. */
  first(count: number): readonly QueuedEvent[] {
    return this.#events.slice(0, count);
  }

  all(): readonly QueuedEvent[] {
    return this.#events;
  }

  add(event: object): void {
    this.#push(event);
    this.save();
  }

  remove(events: readonly QueuedEvent[]): void {
    this.#events = this.#events.filter((event) => !events.includes(event));
    this.save();
  }

  /** Lets the next page adopt the events, because this page ends or seems to end. */
  release(): void {
    this.#isReleased = true;
    this.save();
  }

  /** Takes the events back, because the page continues. */
  reclaim(): void {
    this.#isReleased = false;
    this.save();
  }

  /** Writes the copy, which also shows that this page is still open. */
  save(): void {
    if (this.#events.length === 0) {
      this.#storage.remove(this.#name);
      return;
    }
    const events = this.#events.map(({ json }) => json).join(',');
    this.#storage.set(this.#name, `{"savedAt":${this.#isReleased ? 0 : Date.now()},"events":[${events}]}`);
  }

  #push(event: object): void {
    const json = JSON.stringify(event);
    this.#events.push({ json, bytes: encoder.encode(json).length });
    if (this.#events.length > this.#max) {
      this.#events.shift();
      this.#dropped++;
    }
  }

  #adoptAbandoned(): void {
    for (const name of this.#storage.names()) {
      if (!name.startsWith(queuePrefix)) continue;
      try {
        const { savedAt, events } = JSON.parse(this.#storage.get(name) ?? '') as SavedEvents;
        if (Date.now() - savedAt < abandonedAfterMs) continue;
        for (const event of events) this.#push(event);
      } catch {
        // The copy is damaged or belongs to another program.
      }
      this.#storage.remove(name);
    }
    this.save();
  }
}
