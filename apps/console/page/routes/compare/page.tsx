import type { BundleSummary, DeclaredArm, Merge, Side } from '@facet/client/serving-api';
import { mergeModes, mergeNames } from '@facet/retrieval/merge-modes';
import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.ts';
import { Select } from '../../parts/fields.tsx';
import { formatCount, formatNumber, shortId, Time } from '../../parts/format.tsx';
import { Card, DocLink, Fact, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { inPlace, usePageSearch } from '../../parts/use-page-search.ts';
import './compare.css';
import { DecisionCard, GateCard } from './decision.tsx';
import { armsQuery, attributesQuery, bundleQuery, bundlesQuery } from './queries.ts';
import { SampleCard } from './sample-card.tsx';
import { UserCard } from './user-card.tsx';

/** Two bundles, arms or merges side by side, the verdict of the gate, and the decision. */
export function Content() {
  const { data: session } = useSuspenseQuery(sessionQuery);
  return (
    <Page name="compare" actions={<DocLink to="console.md#should-i-promote-this">Should I promote this?</DocLink>}>
      {session.scopes.includes('admin') ? (
        <Comparison />
      ) : (
        <Empty title="This API key may not compare bundles">
          Comparing loads bundles and starts work. Sign in with a key that has the scope admin.
        </Empty>
      )}
    </Page>
  );
}

function Comparison() {
  const arms = useQuery(armsQuery).data?.arms ?? [];
  const options = mergeOptions(useQuery(attributesQuery).data ?? []);
  const [search] = usePageSearch('compare');
  const before = sideOf(search.before, search.beforeMerge, options);
  const after = sideOf(search.after, search.afterMerge, options);
  return (
    <QueryView query={useQuery(bundlesQuery)} what="Loading bundles">
      {({ bundles }) => {
        const current = bundles.find(({ state }) => state === 'current')?.bundleId;
        const armBundle = arms.find(({ experiment, name }) => `${experiment}/${name}` === search.after)?.bundleId;
        const candidate = after.bundleId ?? armBundle ?? current;
        return (
          <>
            <div className="grid">
              <SidePicker side="before" {...{ bundles, arms, options }} />
              <SidePicker side="after" {...{ bundles, arms, options }} />
            </div>
            <UserCard before={before} after={after} />
            <SampleCard before={before} after={after} />
            {candidate === undefined ? null : (
              <div className="grid compare-decide">
                <GateCard key={candidate} bundleId={candidate} isCurrent={candidate === current} />
                <DecisionCard candidate={candidate} bundles={bundles} />
              </div>
            )}
          </>
        );
      }}
    </QueryView>
  );
}

/** A merge that the page offers. */
interface MergeOption {
  readonly value: string;
  readonly name: string;
  readonly merge: Merge;
}

/** Returns the merges to choose from. A mode that compares an attribute has a choice for each of `attributes`. */
export function mergeOptions(attributes: readonly string[]): readonly MergeOption[] {
  return mergeNames.flatMap((by): MergeOption[] => {
    const { label, example } = mergeModes[by];
    if (!('attribute' in example)) return [{ value: by, name: label, merge: { by, ...example } as Merge }];
    return attributes.map((attribute) => ({
      value: `${by}:${attribute}`,
      name: `${label}: ${attribute}`,
      merge: { by, ...example, attribute },
    }));
  });
}

/** Returns the side of a request for the values of the address. */
function sideOf(source: string | undefined, merge: string | undefined, options: readonly MergeOption[]): Side {
  const [experiment = '', name] = (source ?? '').split('/');
  return {
    arm: name === undefined ? undefined : { experiment, name },
    bundleId: name === undefined ? source : undefined,
    merge: options.find(({ value }) => value === merge)?.merge,
  };
}

interface SidePickerProps {
  readonly side: 'before' | 'after';
  readonly bundles: readonly BundleSummary[];
  readonly arms: readonly DeclaredArm[];
  readonly options: readonly MergeOption[];
}

/** Chooses the bundle or arm of one side, and its merge. */
function SidePicker({ side, bundles, arms, options }: SidePickerProps) {
  const [search, change] = usePageSearch('compare', inPlace);
  const { [side]: source = '', [`${side}Merge` as const]: merge = '' } = search;
  const live = bundles.find(({ isLoaded }) => isLoaded);
  const arm = arms.find(({ experiment, name }) => `${experiment}/${name}` === source);
  const bundleId = arm === undefined ? source || live?.bundleId : (arm.bundleId ?? live?.bundleId);
  const pick = (nextSource: string, nextMerge: string): void =>
    change({ [side]: nextSource || undefined, [`${side}Merge`]: nextMerge || undefined });
  return (
    <Card title={side === 'before' ? 'Before' : 'After'}>
      <div className="side-fields">
        <label className="field">
          <span>Bundle or arm</span>
          <select className="input" value={source} onChange={({ target }) => pick(target.value, merge)}>
            <option value="">Live bundle</option>
            <optgroup label="Bundles">
              {bundles.map((bundle) => (
                <option key={bundle.bundleId} value={bundle.bundleId}>
                  {shortId(bundle.bundleId)}
                  {bundle.state === null ? '' : ` (${bundle.state})`}
                </option>
              ))}
            </optgroup>
            {arms.length === 0 ? null : (
              <optgroup label="Arms">
                {arms.map(({ experiment, name, isShadow }) => (
                  <option key={`${experiment}/${name}`} value={`${experiment}/${name}`}>
                    {experiment}: {name}
                    {isShadow ? ' (shadow)' : ''}
                  </option>
                ))}
              </optgroup>
            )}
          </select>
        </label>
        <label className="field">
          <span>Merge</span>
          <Select
            value={merge}
            options={[['', 'Default'], ...options.map(({ value, name }) => [value, name] as const)]}
            onChange={(next) => pick(source, next)}
          />
        </label>
      </div>
      {bundleId === undefined ? null : <BundleFacts bundleId={bundleId} />}
    </Card>
  );
}

function BundleFacts({ bundleId }: { readonly bundleId: string }) {
  const { data, error } = useQuery(bundleQuery(bundleId));
  if (error !== null) return <p className="error-text small">{error.message}</p>;
  if (data === undefined) return <p className="muted small">Loading facts…</p>;
  const ndcg = Object.entries(data.metrics).find(([name]) => name.startsWith('new.ndcg'));
  return (
    <dl className="facts small">
      <Fact name="Bundle">
        <span className="mono">{shortId(data.bundleId)}</span>
      </Fact>
      <Fact name="Data until">
        <Time at={data.dataEnd} />
      </Fact>
      <Fact name="Items">{formatCount(data.items)}</Fact>
      {ndcg === undefined ? null : <Fact name="NDCG, its own window">{formatNumber(ndcg[1])}</Fact>}
    </dl>
  );
}
