import type { SourceFiles } from '@facet/import';
import type { StageContext } from '../context/stage-context.ts';
import { describeExcluded } from '../dataset/excluded-events.ts';
import type { BenchmarkData, BenchmarkSource } from './benchmark-data.ts';

/** Returns sentences that describe the data to readers of the table. */
export function describeData({ origin, positives, excluded }: BenchmarkData): string[] {
  return [
    origin,
    ...(positives === undefined ? [] : [`Positive events: ${positives} (interactions.positives).`]),
    ...[describeExcluded(excluded) ?? []].flat(),
  ];
}

/** Names the files of a benchmark, or its data home. */
export function describeOrigin(source: BenchmarkSource, { home }: StageContext): string {
  if (source.kind === 'sequences') {
    return `Data: sequences ${source.path}${list('items', source.items)}${list('users', source.users)}.`;
  }
  if (source.files === undefined) return `Data: all events of the data home ${home.folder}.`;
  const { events, items = [], users = [] } = source.files;
  return `Data: events ${pathsOf(events)}${list('items', items)}${list('users', users)}.`;
}

function list(kind: string, files: SourceFiles['events']): string {
  return files.length === 0 ? '' : `; ${kind} ${pathsOf(files)}`;
}

function pathsOf(files: SourceFiles['events']): string {
  return files.map((file) => (typeof file === 'string' ? file : file.path)).join(', ');
}
