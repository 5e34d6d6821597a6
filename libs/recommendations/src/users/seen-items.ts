import { dayMs } from '@facet/platform';
import { EventSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const SeenRule = Type.Object(
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

/** An event of a user. Behaviors of a request may lack the type. */
export interface UserEvent {
  readonly itemId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly type?: string | undefined;
}

/**
 * Returns the seen items that the rule excludes. An event without a type matches every type.
 *
 * @param now epoch milliseconds
 */
export function findSeenItems(events: readonly UserEvent[], rule: ExcludeSeen, now: number): ReadonlySet<string> {
  if (rule === false) return new Set();
  const { types, withinDays = Infinity }: Static<typeof SeenRule> = rule === true ? {} : rule;
  const matches = ({ type, occurredAt }: UserEvent): boolean =>
    (types === undefined || type === undefined || types.includes(type)) && occurredAt >= now - withinDays * dayMs;
  return new Set(events.filter(matches).map(({ itemId }) => itemId));
}
