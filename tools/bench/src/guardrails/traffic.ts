import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@facet/features';
import type { Dataset } from '@facet/pipeline';

/** The body of a request for recommendations. */
export type RequestBody = object;

const interactionsMax = 20_000;
const behaviorsMax = 30;
/** Of the requests: those with the behaviors instead of the user, and those of users whom nothing is known about. */
const statelessShare = 0.1;
const unknownShare = 0.1;

/** Returns requests of the users of the newest interactions, in the order of the interactions. */
export function replayRequests({ sequences, items }: Dataset): RequestBody[] {
  const { userIds, offsets, times } = sequences;
  const interactions = userIds.flatMap((userId, user) =>
    Array.from({ length: offsets[user + 1]! - offsets[user]! }, (_, place) => ({
      userId,
      user,
      at: times[offsets[user]! + place]!,
    })),
  );
  const random = createRandom(1);
  return interactions
    .sort((a, b) => a.at - b.at)
    .slice(-interactionsMax)
    .map(({ userId, user }, position): RequestBody => {
      const kind = random.int(1_000) / 1_000;
      if (kind < unknownShare) return { userId: `visitor ${position}`, limit: 20 };
      if (kind >= unknownShare + statelessShare) return { userId, limit: 20 };
      const history = sequences.items.subarray(offsets[user], offsets[user + 1]).slice(-behaviorsMax);
      return { behaviors: Array.from(history, (item) => items[item]!.itemId), limit: 20 };
    });
}

export interface Traffic {
  readonly sent: number;
  /** Requests without a response, as when a busy server resets a connection. */
  readonly failed: number;
  stop(): Promise<void>;
}

/** Sends requests at a constant rate, in a circle. Does not wait for responses before it sends the next request. */
export function startTraffic(url: string, bodies: readonly RequestBody[], ratePerSecond: number): Traffic {
  const startedAt = performance.now();
  const pending = new Set<Promise<void>>();
  let sent = 0;
  let failed = 0;
  let isStopped = false;
  const sending = (async () => {
    while (!isStopped) {
      const due = ((performance.now() - startedAt) * ratePerSecond) / 1_000;
      while (sent < due) {
        const request = send(url, bodies[sent++ % bodies.length]!)
          .catch(() => void failed++)
          .finally(() => pending.delete(request));
        pending.add(request);
      }
      await sleep(1);
    }
  })();
  return {
    get sent() {
      return sent;
    },
    get failed() {
      return failed;
    },
    async stop() {
      isStopped = true;
      await sending;
      await Promise.all(pending);
    },
  };
}

/** The guardrails judge the response. */
async function send(url: string, body: RequestBody): Promise<void> {
  const response = await fetch(`${url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
}
