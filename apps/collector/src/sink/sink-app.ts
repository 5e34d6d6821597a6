import { addHealthRoutes, addMetricsRoute, createHttpApp, declaredError, problemError } from '@facet/http';
import type { Docs, HttpApp, HttpMetrics, ServerOptions } from '@facet/http';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { DataHealthReader } from './data-health.ts';
import { addDataHealthRoutes, addLakeRoutes } from './routes/data-routes.ts';
import { addDeadLetterRoutes } from './routes/dead-letter-routes.ts';
import type { DeadLetterDeps } from './routes/dead-letter-routes.ts';
import { groupLag, groupStalledMs, lagOf, stalledMs } from './sink-state.ts';
import type { SinkState } from './sink-state.ts';

/** The response of `GET /v1/status`. Times are epoch milliseconds. */
export const SinkStatus = Type.Object(
  {
    group: Type.Object({
      id: Type.String(),
      isMember: Type.Boolean(),
      since: Type.Integer(),
      lag: Type.Integer({ description: 'Messages of all partitions that no member has stored.' }),
      stalledSeconds: Type.Number({
        description: 'Seconds without progress of the slowest partition with messages to store.',
      }),
    }),
    partitions: Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Type.Integer(),
        end: Type.Integer({ description: 'The offset of the next message in the log.' }),
        processed: Type.Integer({ description: 'The first offset that is not in the profiles and the buffer.' }),
        stored: Type.Integer({ description: 'The first offset that is not in the lake or the catalog.' }),
        lag: Type.Integer({ description: 'Number of messages that are not stored.' }),
      }),
    ),
    bufferedRows: Type.Integer(),
    lastProgressAt: Type.Integer(),
    stalledSeconds: Type.Number(),
    outages: Type.Array(Type.Object({ dependency: Type.String(), since: Type.Integer(), problem: Type.String() }), {
      description: 'The dependencies that do not work. The sink processes nothing meanwhile.',
    }),
  },
  {
    title: 'SinkStatus',
    description: 'The state of this member of the consumer group.',
  },
);
export type SinkStatus = Static<typeof SinkStatus>;

export interface SinkAppDeps extends DeadLetterDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  readonly readState: () => SinkState;
  readonly dataHealth: DataHealthReader;
  readonly lakeFolder: string;
}

export interface SinkAppOptions extends ServerOptions {
  /** When this process makes no progress for longer, `/healthz` responds with 503. */
  readonly stallMs: number;
  /** When a partition makes no progress for longer, `/readyz` of every member responds with 503. */
  readonly groupStallMs: number;
}

const docs: Docs = {
  title: 'Facet collector: sink',
  description:
    'The progress of events into the lake, the health of the data, and dead letters. Reading needs a key with the scope read, ' +
    'redriving and metrics need the scope admin.',
  scope: 'admin',
  tags: ['data', 'dead letters'],
};

const bodyBytesMax = 1 << 16;
/** The event loop reads whole batches at once, and probes wait that long. */
const eventLoopDelayMsMax = 5_000;

const aliveErrors = {
  STALLED: { status: 503, remedy: 'Check the log of the process and /v1/status, then restart the process.' },
};

/** Creates the API of the sink without a socket. */
export async function createSinkApp(
  deps: SinkAppDeps,
  { access, tls, stallMs, groupStallMs }: SinkAppOptions,
): Promise<HttpApp> {
  const { logger, metrics, readState, dataHealth, now } = deps;
  const app = await createHttpApp(
    { logger, metrics },
    {
      access,
      tls,
      docs,
      bodyBytesMax,
      eventLoopDelayMsMax,
    },
  );
  addMetricsRoute(app, metrics);
  addHealthRoutes(app, {
    readySummary: 'Reports whether the sink is a member of the consumer group and all its dependencies work',
    readyFacts: { partitions: Type.Integer({ description: 'Number of assigned partitions.' }) },
    readyExample: { partitions: 8 },
    aliveErrors,
    checkReady() {
      const state = readState();
      const { group, positions, outages } = state;
      const outage = outages[0];
      if (!group.isMember) throw problemError('NOT_READY', 'The sink is not a member of the consumer group.');
      if (outage !== undefined) throw problemError('NOT_READY', `The sink waits for ${outage.dependency}.`);
      const groupMs = groupStalledMs(state, now());
      if (groupMs > groupStallMs) {
        const seconds = Math.round(groupMs / 1000);
        throw problemError(
          'NOT_READY',
          `The group has stored nothing of a partition for ${seconds} seconds, and ${groupLag(state)} messages wait.`,
        );
      }
      return { partitions: positions.length };
    },
    checkAlive() {
      const state = readState();
      if (state.failure !== undefined) throw declaredError(aliveErrors, 'STALLED', 'The consumer has stopped.');
      const ms = stalledMs(state, now());
      if (ms <= stallMs) return;
      const dependencies = state.outages.map(({ dependency }) => dependency).join(', ');
      const reason = dependencies === '' ? '' : `: it waits for ${dependencies}`;
      throw declaredError(
        aliveErrors,
        'STALLED',
        `The sink has made no progress for ${Math.round(ms / 1000)} seconds${reason}.`,
      );
    },
  });
  app.get(
    '/v1/status',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'readSinkStatus',
        summary: 'Reports the progress of the sink and the dependencies that it waits for',
        tags: ['operations'],
        response: { 200: SinkStatus },
      },
    },
    async () => describeState(readState(), now()),
  );
  addDataHealthRoutes(app, { reader: dataHealth, now });
  addLakeRoutes(app, deps);
  addDeadLetterRoutes(app, deps);
  await app.ready();
  return app;
}

function describeState(state: SinkState, now: number): SinkStatus {
  const { group, positions, bufferedRows, lastProgressAt, outages, failure } = state;
  const consumerOutage = { dependency: 'consumer', since: lastProgressAt, problem: describeError(failure) };
  return {
    group: { ...group, lag: groupLag(state), stalledSeconds: groupStalledMs(state, now) / 1000 },
    partitions: positions.map((position) => {
      const { topic, partition, end, next, stored } = position;
      return { topic, partition, end, processed: next, stored, lag: lagOf(position) };
    }),
    bufferedRows,
    lastProgressAt,
    stalledSeconds: stalledMs(state, now) / 1000,
    outages: failure === undefined ? [...outages] : [...outages, consumerOutage],
  };
}
