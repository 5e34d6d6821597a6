import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadResult {
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/**
 * Posts bodies over `lanes` connections, one request each at a time, and counts what a 202 acknowledged.
 *
 * @throws Error on any other answer: a load that is turned away is no measurement.
 */
export async function postLoad(options: {
  readonly url: string;
  readonly key: string;
  /** Made before the clock starts: the generator takes its share of the same cores. */
  readonly bodies: readonly string[];
  readonly batchEvents: number;
  readonly lanes: number;
  /** Sends a body again when the ingest has too much to do: for a soak, whose rate is not the question. */
  readonly isPatient?: boolean;
}): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.lanes });
  const queue = options.bodies.map((body) => Buffer.from(body));
  const startedAt = performance.now();
  const lane = async (): Promise<void> => {
    for (let body = queue.pop(); body !== undefined; body = queue.pop()) {
      while (!(await post(agent, options, body))) {
        if (options.isPatient !== true) throw new Error('the ingest turned a request away');
        await sleep(1_000);
      }
    }
  };
  await Promise.all(Array.from({ length: options.lanes }, lane));
  const seconds = (performance.now() - startedAt) / 1_000;
  agent.destroy();
  const events = options.bodies.length * options.batchEvents;
  return { events, seconds, eventsPerSecond: events / seconds };
}

/** Posts one body and checks that all of it was stored in the log. @returns false when the ingest has too much to do. */
export function post(agent: Agent, to: { readonly url: string; readonly key: string }, body: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${to.url}/v1/events`,
      {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length, 'x-api-key': to.key },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          const isStored = response.statusCode === 202 && text.includes('"stored":"log"');
          if (isStored) resolve(true);
          else if (response.statusCode === 503) resolve(false);
          else reject(new Error(`the ingest answered ${response.statusCode}: ${text.slice(0, 300)}`));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
