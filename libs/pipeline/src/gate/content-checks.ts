import type { Bundle } from '@facet/bundles';
import { formatBytes } from '@facet/platform';
import { compareCatalogs } from '@facet/recommendations';
import { percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';
import type { GateSettings } from '@facet/config';

/** A bundle with the size of its files. */
export interface SizedBundle {
  readonly bundle: Bundle;
  readonly bytes: number;
}

export function indexRecallCheck(
  { bundle }: SizedBundle,
  incumbent: SizedBundle | undefined,
  { indexRecallMin }: GateSettings,
): GateCheck[] {
  const { recall, recallAt, kind } = bundle.info.index;
  if (indexRecallMin === false || recall === null) return [];
  const passed = recall >= indexRecallMin;
  return [
    {
      name: 'index recall',
      value: recall,
      incumbent: incumbent?.bundle.info.index.recall ?? null,
      threshold: indexRecallMin,
      passed,
      sentence: `The ${kind} index finds ${percent(recall)} of the ${recallAt} items that an exact search finds${passed ? '' : `; at least ${percent(indexRecallMin)} are required`}.`,
    },
  ];
}

/** Compares the size and the items with those of the incumbent. */
export function contentChecks(
  candidate: SizedBundle,
  incumbent: SizedBundle | undefined,
  settings: GateSettings,
): GateCheck[] {
  if (incumbent === undefined) return [];
  return [...sizeCheck(candidate, incumbent, settings), ...itemChecks(candidate.bundle, incumbent.bundle, settings)];
}

function sizeCheck(candidate: SizedBundle, incumbent: SizedBundle, { sizeRatioMax }: GateSettings): GateCheck[] {
  if (sizeRatioMax === false) return [];
  const ratio = candidate.bytes / incumbent.bytes;
  const passed = ratio <= sizeRatioMax && ratio >= 1 / sizeRatioMax;
  return [
    {
      name: 'size',
      value: candidate.bytes,
      incumbent: incumbent.bytes,
      threshold: ratio < 1 ? incumbent.bytes / sizeRatioMax : incumbent.bytes * sizeRatioMax,
      passed,
      sentence: `The bundle has ${formatBytes(candidate.bytes)} and the incumbent ${formatBytes(incumbent.bytes)}${passed ? '' : `; the ratio may be at most ${sizeRatioMax}`}.`,
    },
  ];
}

function itemChecks(candidate: Bundle, incumbent: Bundle, { newItemsMax, lostItemsMax }: GateSettings): GateCheck[] {
  const { added, lost } = compareCatalogs(incumbent, candidate);
  const checks: GateCheck[] = [];
  const check = (name: string, value: number, threshold: number | false, found: string): void => {
    if (threshold === false) return;
    const passed = value <= threshold;
    const sentence = `${found} (${percent(value)})${passed ? '' : `; at most ${percent(threshold)} are permitted`}.`;
    checks.push({ name, value, incumbent: null, threshold, passed, sentence });
  };
  const items = candidate.itemCount;
  const available = incumbent.itemCount - incumbent.unavailable.count;
  check('new items', share(added.length, items), newItemsMax, `${added.length} of ${items} items are new`);
  check(
    'lost items',
    share(lost.length, available),
    lostItemsMax,
    `${lost.length} of the incumbent's ${available} available items are missing or unavailable`,
  );
  return checks;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
