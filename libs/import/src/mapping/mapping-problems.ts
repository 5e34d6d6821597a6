import { problemsOf } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { createDecoder } from '../tables/lines.ts';
import type { ColumnMapping } from './column-mapping.ts';
import { createTimeParser } from './parse-time.ts';

/** Returns the settings of a mapping that no import could use, although the schema allows them. */
export function findMappingProblems({ timeFormat, encoding }: ColumnMapping): ConfigProblem[] {
  return [
    ...problemsOf(() => createTimeParser({ timeFormat }), ['mapping', 'timeFormat']),
    ...problemsOf(() => encoding === undefined || createDecoder(encoding), ['mapping', 'encoding']),
  ];
}
