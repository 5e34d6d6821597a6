import { AppError } from '@facet/platform';
import { EventSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The body field that names attributes to return with each item. */
export const includeField = Type.Optional(
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    maxItems: 50,
    description: 'Attributes to return with each item, such as price. Titles are always returned.',
  }),
);

/** The body field that refuses misspelled fields. The HTTP layer checks it. */
export const strictField = Type.Optional(
  Type.Boolean({
    default: false,
    description: 'Refuses unknown fields. The remedy suggests the intended field.',
  }),
);

/** {@link strictField} in a URL query, where all values are text. */
export const strictQueryField = Type.Optional(
  Type.Enum(['true', 'false'], {
    default: 'false',
    description: 'Refuses unknown fields. The remedy suggests the intended field.',
    examples: ['true'],
  }),
);

export const SeenRule = Type.Object(
  {
    types: Type.Optional(
      Type.Array(EventSchema.properties.type, {
        minItems: 1,
        maxItems: 50,
        description:
          'Exclude only items of events with these types, such as purchase. Profiles store only positive events. A type without stored events excludes nothing.',
      }),
    ),
    withinDays: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 36_500, description: 'Exclude only items of the last days.' }),
    ),
  },
  // A misspelled field would silently change the rule.
  { additionalProperties: false },
);

/** Which of the items that the user has seen are excluded. */
export const ExcludeSeen = Type.Union([Type.Boolean(), SeenRule], {
  title: 'ExcludeSeen',
  description:
    'Which items of the user are excluded: all of them (true, the default), none (false), or those that match a rule.',
});
export type ExcludeSeen = Static<typeof ExcludeSeen>;

/** The rule of requests without `excludeSeen`. */
export const ExcludeSeenDefault = Type.Union([Type.Boolean(), SeenRule], {
  default: true,
  description: 'Exclude items of earlier interactions: true, false, or a rule.',
});

export interface RequestFault {
  /** The wrong field, as a path with dots. */
  readonly field: string;
  readonly remedy?: string;
}

/** Creates the error `REQUEST_INVALID` for a fault that the request schema cannot express. */
export function requestError(message: string, { field, remedy }: RequestFault): AppError {
  return new AppError(message, { code: 'REQUEST_INVALID', category: 'usage', remedy, context: { field } });
}
