import { parseAddress } from '../address.ts';
import type { EventFields } from '../records.ts';
import { EventQueue } from './event-queue.ts';
import { EventSender } from './event-sender.ts';
import type { RefusedEvent } from './event-sender.ts';
import { createIdentity, openStorage, randomId } from './identity.ts';

export interface TrackerOptions {
  /** URL of the collector, such as `https://events.example.com`. */
  readonly url: string;
  /** A key with only the scope `ingest` and the origin of the page, because anyone can read it. */
  readonly key: string;
  /** Number of events that are sent without delay. Default: 20. */
  readonly batchSize?: number;
  /** Time after which fewer events are sent. Default: 2,000. */
  readonly intervalMs?: number;
  /** Number of unsent events above which the oldest are dropped. Default: 1,000. */
  readonly queueMax?: number;
  /** Prefix of names in the browser's storage. Default: `facet.`. */
  readonly storagePrefix?: string;
  /** Receives the events that the server refused. They are not sent again. */
  readonly onRefused?: (refused: readonly RefusedEvent[]) => void;
}

/** An event as a page reports it. The tracker adds ids and time. */
export interface TrackedEvent extends EventFields {
  readonly itemId: string;
}

export interface TrackerCounts {
  /** Number of events that are not acknowledged. */
  readonly queued: number;
  /** Number of events that were lost because the queue was full. */
  readonly dropped: number;
}

export interface Tracker {
  /** Queues an event and returns its id. Never throws because of the network. */
  track(event: TrackedEvent): string;
  /** Call it after login, on every page if that is easier. Earlier events of the session join the user. */
  identify(userId: string): void;
  /** Call it after logout. Starts a new session. */
  reset(): void;
  /** Sends now. Resolves to whether all events are acknowledged. */
  flush(): Promise<boolean>;
  readonly sessionId: string;
  readonly userId: string | undefined;
  readonly counts: TrackerCounts;
  /** Stops tracking the page. Unsent events stay in storage. */
  stop(): void;
}

/**
 * Creates a tracker that sends the events of a page. Keeps each event until the server acknowledges it, even across reloads
 * if the browser's storage permits. May send an event several times, with the same `eventId`.
 */
export function createTracker(options: TrackerOptions): Tracker {
  const { url, key } = parseAddress(options);
  const storage = openStorage(options.storagePrefix ?? 'facet.');
  const identity = createIdentity(storage);
  const queue = new EventQueue(storage, options.queueMax ?? 1_000);
  const sender = new EventSender(queue, {
    eventsUrl: `${url}/v1/events?key=${encodeURIComponent(key)}`,
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
