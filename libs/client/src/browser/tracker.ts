import { EventQueue } from './event-queue.ts';
import { EventSender } from './event-sender.ts';
import type { RefusedEvent } from './event-sender.ts';
import { createIdentity } from './identity.ts';
import { randomId } from './random-id.ts';
import { openStorage } from './storage.ts';

export interface TrackerOptions {
  /** Of the collector, such as `https://events.example.com`. */
  readonly url: string;
  /** With the scope `ingest` and the origin of the page: it can be read by everybody. */
  readonly key: string;
  /** So many events are sent at once; 20 unless told. */
  readonly batchSize?: number;
  /** Fewer are sent after this time; 2,000 unless told. */
  readonly intervalMs?: number;
  /** So many unsent events are kept, then the oldest are dropped; 1,000 unless told. */
  readonly queueMax?: number;
  /** What its names in the browser's storage begin with; `facet.` unless told. */
  readonly storagePrefix?: string;
  /** Is told of events that the server refused: they are not sent again. */
  readonly onRefused?: (refused: readonly RefusedEvent[]) => void;
}

/** What a page tells about an event; the rest is filled in. Fields that are not named here are kept. */
export interface TrackedEvent {
  /** Such as `click`, or a type that facet.yaml declares. */
  readonly type: string;
  readonly itemId: string;
  /** Of the recommendation that led to the event. */
  readonly recommendationId?: string;
  /** Zero-based place in the list that was shown. */
  readonly position?: number;
  readonly value?: number;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface TrackerCounts {
  /** Not acknowledged yet. */
  readonly queued: number;
  /** Lost because too many were not. */
  readonly dropped: number;
}

export interface Tracker {
  /** Never throws for the network's sake; returns the id of the event. */
  track(event: TrackedEvent): string;
  /** The user has logged in: what the session did before is theirs, too. May be called on every page. */
  identify(userId: string): void;
  /** The user has logged out: a new session begins. */
  reset(): void;
  /** Sends now; resolves with whether everything was acknowledged. */
  flush(): Promise<boolean>;
  readonly sessionId: string;
  readonly userId: string | undefined;
  readonly counts: TrackerCounts;
  /** Lets go of the page. Unsent events stay in the storage. */
  stop(): void;
}

/**
 * Starts to send the events of a page. An event is kept until the server has acknowledged it, over reloads where the
 * browser's storage allows it, and may be sent several times, with the same `eventId`.
 */
export function createTracker(options: TrackerOptions): Tracker {
  const storage = openStorage(options.storagePrefix ?? 'facet.');
  const identity = createIdentity(storage);
  const queue = new EventQueue(storage, options.queueMax ?? 1_000);
  const sender = new EventSender(queue, {
    eventsUrl: `${options.url.replace(/\/+$/, '')}/v1/events?key=${encodeURIComponent(options.key)}`,
    batchSize: options.batchSize ?? 20,
    intervalMs: options.intervalMs ?? 2_000,
    onRefused: options.onRefused,
  });
  const add = (event: object): string => {
    const eventId = randomId();
    queue.add({
      ...event,
      eventId,
      occurredAt: Date.now(),
      sessionId: identity.sessionId(),
      userId: identity.userId(),
    });
    sender.wake();
    return eventId;
  };

  let isLeaving = false;
  const stopListening = listen({
    pagehide() {
      isLeaving = true;
      queue.release();
      sender.sendBeacon();
    },
    pageshow() {
      isLeaving = false;
      queue.reclaim();
      sender.wake();
    },
    visibilitychange() {
      if (document.visibilityState === 'hidden' && !isLeaving) void sender.flush();
    },
    online: () => void sender.flush(),
  });
  sender.wake();

  return {
    track: add,
    identify(userId) {
      if (identity.become(userId)) add({ type: 'identify' });
    },
    reset: () => identity.reset(),
    flush: () => sender.flush(),
    get sessionId() {
      return identity.sessionId();
    },
    get userId() {
      return identity.userId();
    },
    get counts() {
      return { queued: queue.length, dropped: queue.dropped };
    },
    stop() {
      stopListening();
      sender.stop();
      queue.release();
    },
  };
}

/** `visibilitychange` bubbles from the document to the window. */
function listen(handlers: Readonly<Record<string, () => void>>): () => void {
  for (const [name, handler] of Object.entries(handlers)) addEventListener(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) removeEventListener(name, handler);
  };
}
