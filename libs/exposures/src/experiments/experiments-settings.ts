import { ExploreFields, MergeFields, namePattern } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const strict = { additionalProperties: false };

/** In a record, TypeBox fills the defaults of fields only if their object has a default, too. */
const filled = { ...strict, default: {} };

const Name = Type.String({ pattern: namePattern });

/** A day or time in UTC: `2026-02-01` or RFC 3339. */
const Moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$' });

const Share = Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1 });

/** Settings that an arm may change. Others stay as in the file. */
const armFields = {
  /** Id of the bundle that responds instead of the current one. */
  bundle: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  /** Replaces the merge of `serving`; a merge in the request takes precedence. */
  merge: Type.Optional(MergeFields),
  /** Replaces the exploration of `serving`; an exploration in the request takes precedence. */
  explore: Type.Optional(ExploreFields),
  /** Named filters that apply in addition to those of the request. */
  filters: Type.Optional(Type.Array(Type.String())),
  /** Search breadth of the index: efSearch of HNSW, nprobe of IVF. */
  breadth: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536 })),
};

export const ArmSettings = Type.Object(armFields, strict);
export type ArmSettings = Static<typeof ArmSettings>;

/**
 * The section `experiments` of `facet.yaml`. `parseExperiments` checks times, names and number of arms;
 * `checkServingSettings` of @facet/recommendations checks whether the settings are feasible.
 */
export const ExperimentsSettings = Type.Array(
  Type.Object(
    {
      name: Name,
      /** Half-open interval; without limits if absent. */
      from: Type.Optional(Moment),
      to: Type.Optional(Moment),
      /** Share of users who participate. */
      share: Share,
      /** Determines which user is in which arm; the name by default. */
      salt: Type.Optional(Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\u0000]*$' })),
      /** The first is the control. */
      arms: Type.Record(
        Type.String(),
        Type.Object({ weight: Type.Number({ exclusiveMinimum: 0, default: 1 }), ...armFields }, filled),
        { default: {} },
      ),
      /** Arms that users do not see: for a share of responses, the response of the arm is computed and logged. */
      shadow: Type.Record(Type.String(), Type.Object({ share: Share, ...armFields }, filled), { default: {} }),
    },
    strict,
  ),
  { default: [] },
);
export type ExperimentsSettings = Static<typeof ExperimentsSettings>;
