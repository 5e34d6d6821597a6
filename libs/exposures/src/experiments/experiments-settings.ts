import { MergeFields, namePattern } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const strict = { additionalProperties: false };

/** Without a default of its own, those of its fields would not be filled in a record. */
const filled = { ...strict, default: {} };

const Name = Type.String({ pattern: namePattern });

/** A day or moment in UTC: `2026-02-01` or RFC 3339. */
const Moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$' });

const Share = Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1 });

/** What an arm may change. What it does not name stays as it is for everybody. */
const armFields = {
  /** Id of the bundle that answers instead of the current one. */
  bundle: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  /** Instead of that of `serving`; a request that names a merge of its own keeps that. */
  merge: Type.Optional(MergeFields),
  /** Named filters that apply besides those of the request. */
  filters: Type.Optional(Type.Array(Type.String())),
  /** Search breadth of the index: efSearch of HNSW, nprobe of IVF. */
  breadth: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536 })),
};

export const ArmSettings = Type.Object(armFields, strict);
export type ArmSettings = Static<typeof ArmSettings>;

/**
 * The section `experiments` of `facet.yaml`. `parseExperiments` checks times, names of arms, and how many there are;
 * `checkServingSettings` of @facet/recommendations whether what they set can be done.
 */
export const ExperimentsSettings = Type.Array(
  Type.Object(
    {
      name: Name,
      /** Half-open; absent: always. */
      from: Type.Optional(Moment),
      to: Type.Optional(Moment),
      /** Of the users: who takes part. */
      share: Share,
      /** Decides who is in which arm; the name by default. */
      salt: Type.Optional(Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\u0000]*$' })),
      /** The first is the control. */
      arms: Type.Record(
        Type.String(),
        Type.Object({ weight: Type.Number({ exclusiveMinimum: 0, default: 1 }), ...armFields }, filled),
        { default: {} },
      ),
      /** Arms that nobody sees: for a share of the answers it is computed and logged what they would have been. */
      shadow: Type.Record(Type.String(), Type.Object({ share: Share, ...armFields }, filled), { default: {} }),
    },
    strict,
  ),
  { default: [] },
);
export type ExperimentsSettings = Static<typeof ExperimentsSettings>;
