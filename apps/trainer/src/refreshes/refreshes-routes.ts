import { Readable } from 'node:stream';
import { artifactErrors, describeRoutes, lakeErrors, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { RunReport } from '@facet/runs';
import type { RunStore } from '@facet/runs';
import { dayMs } from '@facet/platform';
import type { RefreshQueue, RunNews } from '@facet/refresh';
import { Type } from 'typebox';

const RefreshRequestBody = Type.Object(
  {
    day: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d{2}-\\d{2}$',
        description: 'Default: the newest day that is over in the time zone of the schedule.',
      }),
    ),
    force: Type.Optional(
      Type.Boolean({ default: false, description: 'Runs even if nothing is new or the day was refreshed before.' }),
    ),
    full: Type.Optional(Type.Boolean({ default: false, description: 'Trains from the beginning.' })),
    acceptBadData: Type.Optional(
      Type.String({
        pattern: '\\S',
        maxLength: 1_000,
        description: 'Why days with bad data do not stop the run. The reason is recorded.',
      }),
    ),
  },
  { title: 'RefreshRequest', examples: [{}, { day: '2026-01-31', force: true }] },
);

const CancelBody = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 1_000 })) },
  { title: 'CancelRequest', examples: [{ reason: 'The import of Tuesday was wrong.' }] },
);

const RunParams = Type.Object({
  runId: Type.String({ description: 'For example 2026-01-31 or 2026-01-31-2.' }),
});

const ListQuery = Type.Object({
  // Query parameters are strings, and the app coerces nothing.
  limit: Type.Optional(
    Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$', description: 'Number of runs: 1 to 1000, default 30.' }),
  ),
});

export interface RefreshesDeps {
  readonly runs: RunStore;
  readonly queue: Pick<RefreshQueue, 'request' | 'cancel'>;
  /** Yields the changes of a run until it has ended. */
  readonly follow: (runId: string, signal: AbortSignal) => AsyncIterable<RunNews>;
}

/** The errors of a route that reads a run. */
const runErrors = { REFRESH_RUN_UNKNOWN: { status: 404 }, REFRESH_RUN_DAMAGED: { status: 409 } };
const queueErrors = { REFRESH_QUEUE_UNREACHABLE: { status: 503 } };

/** A refresh may take a night, and a client may follow all of it. */
const followingMsMax = dayMs;

const describe = describeRoutes({ scope: 'read', tag: 'refreshes' });

export function addRefreshesRoutes(app: HttpApp, { runs, queue, follow }: RefreshesDeps): void {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());

  app.post(
    '/v1/refreshes',
    {
      config: {
        scope: 'admin',
        errors: {
          ...artifactErrors,
          ...lakeErrors,
          ...queueErrors,
          REFRESH_DAY_INVALID: { status: 400 },
          REFRESH_DAY_NOT_OVER: { status: 409 },
          REFRESH_DAY_SUPERSEDED: { status: 409 },
          REFRESH_RUN_UNFINISHED: { status: 409 },
        },
      },
      schema: {
        operationId: 'requestRefresh',
        summary: 'Retrain on the data of a day',
        description:
          'Returns 202 with a new run. Returns 200 with the existing run if the request would only repeat it: the run is in ' +
          'progress, or it was promoted, rejected or skipped and force is not set.',
        tags: ['refreshes'],
        body: RefreshRequestBody,
        response: { 200: RunReport, 202: RunReport },
      },
    },
    async ({ body, apiKey }, reply) => {
      const { report, isNew } = await queue.request({
        day: body.day,
        isForced: body.force,
        isFull: body.full,
        acceptedBadData: body.acceptBadData,
        requestedBy: requesterOf(apiKey),
      });
      return reply.code(isNew ? 202 : 200).send(report);
    },
  );

  app.get(
    '/v1/refreshes',
    describe({
      operationId: 'listRefreshes',
      summary: 'List the newest runs',
      querystring: ListQuery,
      response: Type.Object({ refreshes: Type.Array(RunReport) }, { description: 'The newest day first.' }),
    }),
    async ({ query }) => ({ refreshes: await runs.list({ limit: Number(query.limit ?? 30) }) }),
  );

  app.get(
    '/v1/refreshes/:runId',
    describe({
      operationId: 'readRefresh',
      errors: runErrors,
      summary: 'Read a run',
      params: RunParams,
      response: RunReport,
    }),
    async ({ params }) => runs.read(params.runId),
  );

  app.post(
    '/v1/refreshes/:runId/cancel',
    describeRoutes({ scope: 'admin', tag: 'refreshes' })({
      operationId: 'cancelRefresh',
      errors: { ...artifactErrors, ...runErrors, ...queueErrors },
      summary: 'Cancel a run; a run that has ended does not change',
      params: RunParams,
      body: CancelBody,
      response: RunReport,
    }),
    async ({ params, body, apiKey }) => {
      const by = requesterOf(apiKey);
      return queue.cancel(params.runId, { by, reason: body.reason ?? `by ${by}` });
    },
  );

  app.get(
    '/v1/refreshes/:runId/events',
    {
      config: { scope: 'read', errors: runErrors },
      handlerTimeout: followingMsMax,
      schema: {
        operationId: 'followRefresh',
        summary: 'Follow a run as server-sent events until it has ended',
        description: '`report`: the run, at first and after every change. `progress`: the progress of its stage.',
        tags: ['refreshes'],
        params: RunParams,
      },
    },
    async ({ params }, reply) => {
      // Throws for an unknown run before the response starts.
      await runs.read(params.runId);
      const until = AbortSignal.any([responseSignal(reply), closing.signal]);
      void reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store');
      // A keep-alive connection would delay the end of the server.
      void reply.header('connection', 'close');
      return reply.send(Readable.from(asEvents(follow(params.runId, until))));
    },
  );
}

/** Returns the name of the API key, or `anybody` when the trainer runs without API keys. */
function requesterOf(apiKey: { readonly name: string } | undefined): string {
  return apiKey?.name ?? 'anybody';
}

async function* asEvents(news: AsyncIterable<RunNews>): AsyncGenerator<string> {
  for await (const { type, ...facts } of news) yield `event: ${type}\ndata: ${JSON.stringify(facts)}\n\n`;
}
