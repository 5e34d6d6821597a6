import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Settings of the exposure log, for a section of `facet.yaml`. */
export const ExposureLogSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: true }),
    /** Whether answers to requests without a userId are recorded, too. They are in no arm; of nobody it is kept what they chose. */
    recordStateless: Type.Boolean({ default: false }),
    /** Of the answers: whose whole request is kept, so that it can be replayed. */
    sampledShare: Type.Number({ minimum: 0, maximum: 1, default: 0.001 }),
    /** Days that are kept besides today's. */
    retentionDays: Type.Integer({ minimum: 1, maximum: 3_650, default: 30 }),
  },
  { additionalProperties: false, default: {} },
);
export type ExposureLogSettings = Static<typeof ExposureLogSettings>;
