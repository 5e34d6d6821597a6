import { Readable } from 'node:stream';
import { createProblems, Problem } from '@facet/http';
import type { HttpApp } from '@facet/http';
import type { RunStore } from '@facet/pipeline/runs';
import type { RefreshQueue, RunNews } from '@facet/refresh';
import { Type } from 'typebox';
import { CancelBody, ListQuery, Refresh, RefreshRequestBody, RunParams } from './refreshes-schema.ts';

export interface RefreshesDeps {
  readonly runs: RunStore;
  readonly queue: RefreshQueue;
  /** News of a run until it has ended. */
  readonly follow: (runId: string, signal: AbortSignal) => AsyncIterable<RunNews>;
}

export const trainerProblems = createProblems({
  REFRESH_DAY_INVALID: {},
  REFRESH_DAY_NOT_OVER: {},
  REFRESH_DAY_SUPERSEDED: {},
  REFRESH_RUN_UNKNOWN: {},
  REFRESH_QUEUE_UNREACHABLE: {},
});

/** A refresh may take a night, and whoever follows it stays. */
const followingMsMax = 24 * 3_600_000;

const errors = { '4xx': Problem, '5xx': Problem };

export function addRefreshesRoutes(app: HttpApp, { runs, queue, follow }: RefreshesDeps): void {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());

  app.post(
    '/v1/refreshes',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'requestRefresh',
        summary: 'Retrain on the data of a day',
        description:
          '202 for a new run. 200 with the run that is there already for a request that would only repeat it: one that ' +
          'is under way, or without force one that has ended well.',
        tags: ['refreshes'],
        body: RefreshRequestBody,
        response: { 200: Refresh, 202: Refresh, ...errors },
      },
    },
    async ({ body, apiKey }, reply) => {
      const { report, isNew } = await queue.request({
        day: body.day,
        isForced: body.force,
        isFull: body.full,
        requestedBy: apiKey?.name ?? 'anybody',
      });
      return reply.code(isNew ? 202 : 200).send(report);
    },
  );

  app.get(
    '/v1/refreshes',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listRefreshes',
        summary: 'The newest runs',
        tags: ['refreshes'],
        querystring: ListQuery,
        response: {
          200: Type.Object({ refreshes: Type.Array(Refresh) }, { description: 'The newest day first.' }),
          ...errors,
        },
      },
    },
    async ({ query }) => ({ refreshes: await runs.list({ limit: Number(query.limit ?? 30) }) }),
  );

  app.get(
    '/v1/refreshes/:runId',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'readRefresh',
        summary: 'Where a run stands',
        tags: ['refreshes'],
        params: RunParams,
        response: { 200: Refresh, ...errors },
      },
    },
    async ({ params }) => runs.read(params.runId),
  );

  app.post(
    '/v1/refreshes/:runId/cancel',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'cancelRefresh',
        summary: 'End a run; one that has ended stays as it is',
        tags: ['refreshes'],
        params: RunParams,
        body: CancelBody,
        response: { 200: Refresh, ...errors },
      },
    },
    async ({ params, body, apiKey }) => queue.cancel(params.runId, body.because ?? `by ${apiKey?.name ?? 'anybody'}`),
  );

  app.get(
    '/v1/refreshes/:runId/events',
    {
      config: { scope: 'admin' },
      handlerTimeout: followingMsMax,
      schema: {
        operationId: 'followRefresh',
        summary: 'A run as server-sent events, until it has ended',
        description: '`report`: the run, first and whenever it stands elsewhere. `progress`: how far its stage is.',
        tags: ['refreshes'],
        params: RunParams,
      },
    },
    async ({ params, signal }, reply) => {
      // Known before the answer begins.
      await runs.read(params.runId);
      const until = AbortSignal.any([signal, closing.signal]);
      void reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store');
      // It was sent before the server began to close, which would wait for a connection that is kept open.
      void reply.header('connection', 'close');
      return reply.send(Readable.from(asEvents(follow(params.runId, until))));
    },
  );
}

async function* asEvents(news: AsyncIterable<RunNews>): AsyncGenerator<string> {
  for await (const { type, ...facts } of news) yield `event: ${type}\ndata: ${JSON.stringify(facts)}\n\n`;
}
