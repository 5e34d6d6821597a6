import { ExploreFields, MergeFields, namePattern } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const strict = { additionalProperties: false };

/** In a record, TypeBox fills the defaults of fields only if their object has a default, too. */
const filled = { ...strict, default: {} };

const Name = Type.String({ pattern: namePattern, description: 'Unique name: lower-case letters, digits, - and _.' });

/** A day or time in UTC: `2026-02-01` or RFC 3339. */
const Moment = (description: string) =>
  Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$', description }));

const Share = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1, description });

/** Settings that an arm may change. Others stay as in the file. */
const armFields = {
  bundle: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{32}$',
      description: 'Id of the bundle that responds instead of the current one.',
    }),
  ),
  /** Replaces the merge of `serving`; a merge in the request takes precedence. */
  merge: Type.Optional(MergeFields),
  /** Replaces the exploration of `serving`; an exploration in the request takes precedence. */
  explore: Type.Optional(ExploreFields),
  filters: Type.Optional(
    Type.Array(Type.String(), { description: 'Named filters that apply in addition to those of the request.' }),
  ),
  breadth: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_536,
      description: 'Search breadth of the index: efSearch of HNSW, nprobe of IVF.',
    }),
  ),
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
      from: Moment('Start, a UTC day or time. Default: no limit.'),
      to: Moment('End, which is exclusive. Default: no limit.'),
      share: Share('Share of users who participate.'),
      salt: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 256,
          pattern: '^[^\\u0000]*$',
          description: 'Determines which user is in which arm; the name by default.',
        }),
      ),
      arms: Type.Record(
        Type.String(),
        Type.Object(
          {
            weight: Type.Number({
              exclusiveMinimum: 0,
              default: 1,
              description: 'Relative to the sum of all weights.',
            }),
            ...armFields,
          },
          filled,
        ),
        { default: {}, description: 'The first is the control.' },
      ),
      shadow: Type.Record(
        Type.String(),
        Type.Object({ share: Share('Share of responses for which the arm is computed.'), ...armFields }, filled),
        {
          default: {},
          description:
            'Arms that users do not see: for a share of responses, the response of the arm is computed and logged.',
        },
      ),
    },
    strict,
  ),
  { default: [], description: 'Different settings for some users.' },
);
export type ExperimentsSettings = Static<typeof ExperimentsSettings>;
