import { addHealthRoutes, addMetricsRoute, createHttpApp, createProblems } from '@facet/http';
import type { Access, Docs, HttpApp, HttpMetrics } from '@facet/http';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { DataHealthReader } from './data-health/data-health-reader.ts';
import { addDataHealthRoutes } from './data-health/data-health-routes.ts';
import { lagOf, stalledMs } from './sink-health.ts';
import type { SinkState } from './sink-health.ts';

const problems = createProblems({
  STALLED: { status: 503, remedy: 'See the log of the process and /v1/status; restart it.' },
});

/** What `GET /v1/status` tells. Times are epoch milliseconds. */
export const SinkStatus = Type.Object(
  {
    group: Type.Object({ id: Type.String(), isMember: Type.Boolean(), since: Type.Integer() }),
    partitions: Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Type.Integer(),
        end: Type.Integer({ description: 'The offset that the next message will get.' }),
        taken: Type.Integer({ description: 'The first offset that is not in the profiles and the buffer.' }),
        stored: Type.Integer({ description: 'The first offset that is not in the lake or the catalog.' }),
        lag: Type.Integer({ description: 'Messages that are not stored.' }),
      }),
    ),
    bufferedRows: Type.Integer(),
    lastProgressAt: Type.Integer(),
    stalledSeconds: Type.Number(),
    troubles: Type.Array(Type.Object({ dependency: Type.String(), since: Type.Integer(), problem: Type.String() }), {
      description: 'What is needed and does not work; nothing is taken meanwhile.',
    }),
  },
  { description: 'What this member of the consumer group does.' },
);
export type SinkStatus = Static<typeof SinkStatus>;

export interface SinkAppDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  readonly readState: () => SinkState;
  readonly dataHealth: DataHealthReader;
  readonly now: () => number;
}

export interface SinkAppOptions {
  readonly access: Access;
  readonly stallMs: number;
}

const docs: Docs = {
  title: 'Facet collector: sink',
  description: 'How far the events are on their way into the lake, and how healthy they are.',
  scope: 'admin',
};

const bodyBytesMax = 1 << 10;
/** Batches are read in one go; probes wait that long. */
const eventLoopDelayMsMax = 5_000;

/** The few routes of the sink, without a socket: probes, metrics, status, data health. */
export async function createSinkApp(deps: SinkAppDeps, { access, stallMs }: SinkAppOptions): Promise<HttpApp> {
  const { logger, metrics, readState, dataHealth, now } = deps;
  const app = await createHttpApp({ logger, metrics }, { access, problems, docs, bodyBytesMax, eventLoopDelayMsMax });
  addMetricsRoute(app, metrics);
  addHealthRoutes(app, {
    readySummary: 'Whether the sink takes messages: it is a member of the group and everything that it needs works',
    readyFacts: { partitions: Type.Integer({ description: 'How many it was given.' }) },
    checkReady() {
      const { group, positions, troubles } = readState();
      const trouble = troubles[0];
      if (!group.isMember) throw problems.error('NOT_READY', 'This sink is not in the consumer group yet.');
      if (trouble !== undefined) throw problems.error('NOT_READY', `The sink waits for ${trouble.dependency}.`);
      return { partitions: positions.length };
    },
    checkAlive() {
      const state = readState();
      if (state.failure !== undefined) throw problems.error('STALLED', 'The consumer has stopped.');
      const ms = stalledMs(state, now());
      if (ms <= stallMs) return;
      const waitsFor = state.troubles.map(({ dependency }) => dependency).join(', ');
      const why = waitsFor === '' ? '' : `: it waits for ${waitsFor}`;
      throw problems.error('STALLED', `The sink has made no progress for ${Math.round(ms / 1000)} seconds${why}.`);
    },
  });
  app.get(
    '/v1/status',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'readSinkStatus',
        summary: 'How far this sink is, and what it waits for',
        tags: ['operations'],
        response: { 200: SinkStatus },
      },
    },
    async () => describeState(readState(), now()),
  );
  addDataHealthRoutes(app, { reader: dataHealth, now });
  await app.ready();
  return app;
}

function describeState(state: SinkState, now: number): SinkStatus {
  const { group, positions, bufferedRows, lastProgressAt, troubles, failure } = state;
  return {
    group,
    partitions: positions.map((position) => {
      const { topic, partition, end, next, stored } = position;
      return { topic, partition, end, taken: next, stored, lag: lagOf(position) };
    }),
    bufferedRows,
    lastProgressAt,
    stalledSeconds: stalledMs(state, now) / 1000,
    troubles:
      failure === undefined
        ? [...troubles]
        : [...troubles, { dependency: 'consumer', since: lastProgressAt, problem: describeError(failure) }],
  };
}
