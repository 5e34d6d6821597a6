import { EventSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { TypedBehavior } from './asking-user.ts';

const dayMs = 86_400_000;

const SeenRule = Type.Object(
  {
    types: Type.Optional(
      Type.Array(EventSchema.properties.type, {
        minItems: 1,
        maxItems: 50,
        description: 'Only what was chosen by an event of these types, such as purchase.',
      }),
    ),
    withinDays: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 36_500, description: 'Only what was chosen so lately.' }),
    ),
  },
  // A rule that is misspelled would be another rule.
  { additionalProperties: false },
);

/** Which of the items that a user chose before are left out. */
export const ExcludeSeen = Type.Union([Type.Boolean(), SeenRule], {
  title: 'ExcludeSeen',
  description:
    'Whether items that the user chose before are left out: all of them (true, the default), none (false), or those of a rule.',
});
export type ExcludeSeen = Static<typeof ExcludeSeen>;

/** The rule of requests that name none. */
export const ExcludeSeenDefault = Type.Union([Type.Boolean(), SeenRule], { default: true });

/**
 * The items that a user chose before and that are left out. A behavior of the request without a type counts as any type.
 *
 * @param now epoch milliseconds
 */
export function seenItems(choices: readonly TypedBehavior[], rule: ExcludeSeen, now: number): ReadonlySet<string> {
  if (rule === false) return new Set();
  const { types, withinDays = Infinity }: Static<typeof SeenRule> = rule === true ? {} : rule;
  const isMeant = ({ type, occurredAt }: TypedBehavior): boolean =>
    (types === undefined || type === undefined || types.includes(type)) && occurredAt >= now - withinDays * dayMs;
  return new Set(choices.filter(isMeant).map(({ itemId }) => itemId));
}
