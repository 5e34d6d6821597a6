import type { BundleSummary, DeclaredArm, Merge, Side } from '@facet/client/serving-api';
import { mergeModes, mergeNames } from '@facet/retrieval/merge-modes';
import { useQuery } from '@tanstack/react-query';
import { Select } from '../../parts/fields.tsx';
import { formatCount, formatNumber, shortId, Time } from '../../parts/format.tsx';
import { Card, Fact } from '../../parts/page.tsx';
import { bundleQuery } from './queries.ts';

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
      merge: { by, ...example, attribute } as Merge,
    }));
  });
}

/** Returns the side of a request for the values of the address. */
export function sideOf(source: string | undefined, merge: string | undefined, options: readonly MergeOption[]): Side {
  const [experiment = '', name] = (source ?? '').split('/');
  return {
    arm: name === undefined ? undefined : { experiment, name },
    bundleId: name === undefined ? source : undefined,
    merge: options.find(({ value }) => value === merge)?.merge,
  };
}

interface SidePickerProps {
  readonly title: string;
  readonly source: string | undefined;
  readonly merge: string | undefined;
  readonly bundles: readonly BundleSummary[];
  readonly arms: readonly DeclaredArm[];
  readonly options: readonly MergeOption[];
  readonly onChange: (source: string | undefined, merge: string | undefined) => void;
}

/** Chooses the bundle or arm of one side, and its merge. */
export function SidePicker({ title, source = '', merge = '', bundles, arms, options, onChange }: SidePickerProps) {
  const live = bundles.find(({ isLoaded }) => isLoaded);
  const arm = arms.find(({ experiment, name }) => `${experiment}/${name}` === source);
  const bundleId = arm === undefined ? source || live?.bundleId : (arm.bundleId ?? live?.bundleId);
  const pick = (nextSource: string, nextMerge: string): void =>
    onChange(nextSource || undefined, nextMerge || undefined);
  return (
    <Card title={title}>
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
