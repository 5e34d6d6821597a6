import { ifUsable } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import type { Bundle, BundleInfo } from '@facet/bundles';
import { openDataset } from '@facet/stages';
import { sampleRequests } from '@facet/gate';
import { compareBundles, compareCatalogs, recommend } from '@facet/recommendations';
import type { MovedItem } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from './command.ts';
import { findArtifact, openStore, withBundle } from './home.ts';
import type { Style } from './terminal/terminal.ts';
import { countOf, formatCount, renderTable, shortId } from './terminal/text.ts';
import { nameOf } from './users/interest.ts';
import type { TitledItem } from './users/interest.ts';

type Scalar = string | number | boolean;

/** A figure or setting of two bundles; `null` if a bundle does not have it. */
interface Difference {
  readonly name: string;
  readonly before: Scalar | null;
  readonly after: Scalar | null;
}

interface BundleDiff {
  readonly before: string;
  readonly after: string;
  readonly metrics: readonly Difference[];
  readonly settings: readonly Difference[];
  readonly items: { readonly added: readonly TitledItem[]; readonly lost: readonly TitledItem[] };
  /** Null if the datasets of both bundles are pruned: then no users can be sampled. */
  readonly recommendations: {
    readonly users: number;
    readonly overlap: number;
    readonly gained: readonly MovedItem[];
    readonly lost: readonly MovedItem[];
  } | null;
}

const shownItemsMax = 10;

/** `facet bundles diff A B`: compares two bundles. */
export async function diffBundles(
  beforeId: string,
  afterId: string,
  options: CommonOptions,
  { output, terminal }: CommandContext,
): Promise<void> {
  const store = openStore(options.home);
  const find = async (id: string): ReturnType<typeof findArtifact> =>
    findArtifact(store, id, { kinds: ['bundle'], home: options.home });
  const [beforeRef, afterRef] = [await find(beforeId), await find(afterId)];
  await withBundle(store, beforeRef.id, (before) =>
    withBundle(store, afterRef.id, async (after) => {
      const diff = await compareBoth(store, before, after);
      output.show(renderDiff(diff, terminal.style));
      output.document({ home: options.home, ...diff });
    }),
  );
}

async function compareBoth(store: ArtifactStore, before: Bundle, after: Bundle): Promise<BundleDiff> {
  return {
    before: before.id,
    after: after.id,
    metrics: pair(before.info.metrics, after.info.metrics),
    settings: pair(settingsOf(before.info), settingsOf(after.info)).filter(
      (setting) => setting.before !== setting.after,
    ),
    items: compareCatalogs(before, after),
    recommendations: await sampleRecommendations(store, before, after),
  };
}

async function sampleRecommendations(
  store: ArtifactStore,
  before: Bundle,
  after: Bundle,
): Promise<BundleDiff['recommendations']> {
  for (const { info } of [after, before]) {
    // A dataset that is pruned or incompatible has a substitute: the users of the other bundle.
    const dataset = await ifUsable(() => openDataset(store, info.datasetId));
    if (dataset === undefined) continue;
    const sample = sampleRequests(dataset);
    const { compared, ...changes } = await compareBundles(before, after, sample, { respond: recommend });
    return { users: compared, ...changes };
  }
  return null;
}

/** Returns the settings of a bundle, without its results. */
function settingsOf({ spec, interactions, index, trainedCount, asOf }: BundleInfo): Record<string, Scalar> {
  const { kind, efSearch, nprobe } = index;
  return flatten({
    model: spec.config,
    interactions,
    index: { kind, efSearch, nprobe },
    features: {
      items: spec.itemFeatures.map(({ name }) => name).join(', '),
      users: spec.userFeatures.map(({ name }) => name).join(', '),
    },
    items: { count: spec.itemCount, trained: trainedCount },
    data: { before: new Date(asOf).toISOString() },
  });
}

function flatten(value: Readonly<Record<string, unknown>>, prefix = ''): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]): [string, Scalar][] => {
      const path = `${prefix}${name}`;
      if (inner === undefined) return [];
      if (Array.isArray(inner)) return [[path, inner.join(', ')]];
      if (typeof inner !== 'object' || inner === null) return [[path, inner as Scalar]];
      return Object.entries(flatten(inner as Record<string, unknown>, `${path}.`));
    }),
  );
}

function pair(before: Readonly<Record<string, Scalar>>, after: Readonly<Record<string, Scalar>>): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.map((name) => ({ name, before: before[name] ?? null, after: after[name] ?? null }));
}

function renderDiff({ before, after, metrics, settings, items, recommendations }: BundleDiff, style: Style): string {
  const head = ['', shortId(before), shortId(after)];
  const table = (title: string, differences: readonly Difference[]): string[] =>
    differences.length === 0
      ? []
      : [
          `${style('bold', title)}\n${renderTable(
            head,
            differences.map(({ name, ...sides }) => [name, shown(sides.before), shown(sides.after)]),
            { style, right: [1, 2] },
          )}`,
        ];
  const list = (title: string, listed: readonly (TitledItem & Partial<MovedItem>)[]): string[] => {
    const lines = listed.slice(0, shownItemsMax).map(({ users, ...item }) => {
      const count = users === undefined ? '' : `${formatCount(users).padStart(4)}  `;
      return `\n  ${count}${nameOf(item)}`;
    });
    return lines.length === 0 ? [] : [`${title}:${lines.join('')}`];
  };
  const seen =
    recommendations === null
      ? ['The datasets of both bundles are pruned, so recommendations cannot be compared.']
      : [
          `${countOf(recommendations.users, 'sampled user')} would keep ${(100 * recommendations.overlap).toFixed(0)} % of their first 50 items.`,
          ...list('New in the first 50, with the number of users', recommendations.gained),
          ...list('Gone from the first 50, with the number of users', recommendations.lost),
        ];
  return [
    ...table('Metrics, each on its own test window', metrics),
    ...table('Settings that differ', settings),
    `${countOf(items.added.length, 'item')} new, ${formatCount(items.lost.length)} gone or unavailable.`,
    ...list('New', items.added),
    ...list('Gone or unavailable', items.lost),
    ...seen,
  ].join('\n\n');
}

function shown(value: Scalar | null): string {
  if (value === null) return '–';
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(4) : String(value);
}
