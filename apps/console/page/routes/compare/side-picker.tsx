import type { components } from '@facet/client/serving-api';
import { useQuery } from '@tanstack/react-query';
import { Fact } from '../../parts/fact.tsx';
import { formatCount, formatNumber } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { bundleQuery } from './queries.ts';
import { shortId } from './sides.ts';
import type { MergeOption } from './sides.ts';

interface SidePickerProps {
  readonly title: string;
  readonly source: string | undefined;
  readonly merge: string | undefined;
  readonly bundles: readonly components['schemas']['BundleSummary'][];
  readonly arms: readonly components['schemas']['DeclaredArm'][];
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
          <select className="input" value={merge} onChange={({ target }) => pick(source, target.value)}>
            <option value="">Default</option>
            {options.map(({ value, name }) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
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
