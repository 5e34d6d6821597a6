/** Why a response has popular items, as clauses for the API document and for commands. */
export const fallbackReasons = {
  unknown_user: 'nothing is stored for the user',
  no_behaviors: 'the user has no behaviors',
  no_known_items: 'the bundle knows none of the items',
  no_interest: 'the model finds no interest in the behaviors',
  unknown_item: 'the bundle does not know the item to compare with',
  no_features: 'the item to compare with has no interactions, and the model knows none of its attributes',
  profiles_unavailable: 'the stored profile could not be read, and the request alone has no interests',
} as const;
export type FallbackReason = keyof typeof fallbackReasons;
