import { Type } from 'typebox';
import type { Static } from 'typebox';
import { NamedFilters } from './filtering/filter-fields.ts';
import { MergeDefault } from './merge-fields.ts';
import { ExcludeSeenDefault } from './users/seen-items.ts';

export { checkServingSettings, namePattern } from './check-settings.ts';
export { MergeFields } from './merge-fields.ts';

/** How requests are answered, where they do not say; the section `serving` of facet.yaml. */
export const ServingSettings = Type.Object(
  {
    merge: MergeDefault,
    excludeSeen: ExcludeSeenDefault,
    filters: NamedFilters,
  },
  { default: {}, additionalProperties: false },
);
export type ServingSettings = Static<typeof ServingSettings>;
