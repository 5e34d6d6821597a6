import { findMappingProblems } from '@facet/import/mapping-problems';
import type { ConfigProblem } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';
import { findEventTypeProblems } from './event-types.ts';
import { findExperimentProblems } from './experiments.ts';
import { findModelProblems } from './model.ts';
import { findTimeProblems } from './schedule.ts';
import { findSparkProblems } from './spark.ts';
import { findSplitProblems } from './split.ts';

/**
 * Returns the contradictions of a configuration whose fields are valid one by one: settings that would fail every run or every
 * request, or that cannot have an effect. Needs no other file.
 *
 * @param now epoch milliseconds: experiments that ended before need no arms that work
 */
export function findContradictions(config: FacetConfig, now: number): ConfigProblem[] {
  return [
    ...findEventTypeProblems(config),
    ...findMappingProblems(config.mapping ?? {}),
    ...findTimeProblems(config),
    ...findSplitProblems(config.split),
    ...findSparkProblems(config.dataset),
    ...findModelProblems(config, now),
    ...findExperimentProblems(config, now),
  ];
}
