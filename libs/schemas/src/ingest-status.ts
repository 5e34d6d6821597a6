import { epochMs } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The response of the ingest to `GET /v1/status`. */
export const IngestStatus = Type.Object(
  {
    log: Type.Union([Type.Literal('reachable'), Type.Literal('unreachable'), Type.Literal('untried')], {
      description: 'Whether Kafka acknowledged the latest publish; before the first one, whether it has the topics.',
    }),
    canStore: Type.Boolean({ description: 'Whether Kafka or the spool accepts records, as far as is known.' }),
    queueBytes: Type.Integer({ description: 'Bytes of queued records.' }),
    spool: Type.Object({
      records: Type.Integer(),
      bytes: Type.Integer(),
      bytesMax: Type.Integer(),
      refusedBytes: Type.Integer({
        description: 'Bytes of segments with acknowledged records that Kafka refused. Above 0, an operator must act.',
      }),
      oldestAt: Type.Optional(epochMs('When the oldest record was received, in epoch milliseconds.')),
    }),
  },
  { title: 'IngestStatus', description: 'The storage behind the ingest.' },
);
export type IngestStatus = Static<typeof IngestStatus>;
