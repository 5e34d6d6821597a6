import type { CatalogResponse } from '@facet/client/serving-api';
import { mergeDefault, mergeModes, mergeNames } from '@facet/retrieval/merge-modes';
import type { MergeName } from '@facet/retrieval/merge-modes';
import { useState } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { Select } from '../../parts/fields.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Filters } from './filters.tsx';
import { lambdaDefault, limitDefault } from './view.ts';
import type { ChangeExplore, View } from './view.ts';

interface ControlsProps extends Pick<View, 'search' | 'onChange'> {
  readonly catalog: CatalogResponse | undefined;
  readonly interestCount: number;
}

/** The parameters of the list. Every change is a new request. */
export function Controls(props: ControlsProps) {
  const { search, catalog, interestCount } = props;
  const set: ChangeExplore = (changes) => props.onChange(changes, { replace: true });
  const merge = search.merge ?? catalog?.merge.by ?? mergeDefault.by;
  return (
    <Card
      title="Settings"
      actions={
        <span className="muted small">
          {mergeModes[merge].summary} <DocLink to="api.md#merges">Merges</DocLink>
        </span>
      }
    >
      <div className="controls">
        <label className="field">
          <span>Merge</span>
          <Select
            value={merge}
            options={mergeNames.map((name) => [
              name,
              `${mergeModes[name].label}${name === catalog?.merge.by ? ' (default)' : ''}`,
            ])}
            onChange={(name) => set(mergeDefaults(name, catalog))}
          />
        </label>
        {merge === 'diverse' ? <DiverseFields {...props} onChange={set} /> : null}
        <label className="field">
          <span>
            Interests <abbr title="K'u: the number of interests that the model infers for the user">K′u</abbr>
          </span>
          <Select
            value={search.interests ?? 0}
            options={Array.from({ length: 1 + (catalog?.interestsMax ?? 0) }, (_, count) =>
              count === 0 ? [0, `Automatic${search.interests === undefined ? `: ${interestCount}` : ''}`] : [count],
            )}
            onChange={(count) => set({ interests: count || undefined })}
          />
        </label>
        <NumberField
          label="Items"
          value={search.limit ?? limitDefault}
          min={1}
          max={200}
          onChange={(limit) => set({ limit: limit === limitDefault ? undefined : limit })}
        />
        <label className="row check">
          <input
            type="checkbox"
            checked={search.seen !== true}
            onChange={({ target }) => set({ seen: target.checked ? undefined : true })}
          />
          Exclude seen items
        </label>
        {catalog === undefined ? null : <Filters search={search} catalog={catalog} onChange={set} />}
      </div>
      {merge === 'quota' ? <QuotaFields {...props} onChange={set} /> : null}
    </Card>
  );
}

function mergeDefaults(merge: MergeName, catalog: CatalogResponse | undefined) {
  const cleared = { lambda: undefined, attribute: undefined, floors: undefined };
  if (merge !== 'diverse') return { ...cleared, merge };
  return { ...cleared, merge, lambda: lambdaDefault, attribute: catalog?.attributes[0]?.name };
}

function DiverseFields({ search, catalog, onChange }: ControlsProps) {
  const names = [...new Set(catalog?.attributes.map(({ name }) => name))];
  return (
    <>
      <label className="field">
        <span>Diversity attribute</span>
        <Select
          value={search.attribute ?? ''}
          options={names.map((name) => [name])}
          onChange={(attribute) => onChange({ attribute })}
        />
      </label>
      <NumberField
        label="Diversity weight λ"
        value={search.lambda ?? lambdaDefault}
        min={0}
        max={1000}
        step={0.05}
        onChange={(lambda) => onChange({ lambda })}
      />
    </>
  );
}

/** More interests share one minimum. */
const floorsShown = 8;

function QuotaFields({ search: { floors }, interestCount, onChange }: ControlsProps) {
  const isShared = interestCount > floorsShown;
  const setFloor = (interest: number, floor: number): void => {
    const next = Array.from({ length: interestCount }, (_, at) =>
      isShared || at === interest ? floor : (floors?.[at] ?? 0),
    );
    onChange({ floors: next.some((value) => value > 0) ? next : undefined });
  };
  return (
    <fieldset className="row quota">
      <legend className="small muted">
        Minimum number of items per interest. If all are 0, interests get equal shares.
      </legend>
      {Array.from({ length: isShared ? 1 : interestCount }, (_, interest) => (
        <label key={interest} className="row small">
          {isShared ? null : <span className="swatch" style={{ background: interestColor(interest) }} aria-hidden />}
          <span>{isShared ? 'Each' : interest + 1}</span>
          <NumberInput
            label={isShared ? 'Minimum of each interest' : `Minimum of interest ${interest + 1}`}
            value={floors?.[interest] ?? 0}
            min={0}
            max={200}
            onChange={(floor) => setFloor(interest, floor)}
          />
        </label>
      ))}
    </fieldset>
  );
}

interface NumberInputProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly onChange: (value: number) => void;
}

function NumberField(props: NumberInputProps) {
  return (
    <label className="field">
      <span>{props.label}</span>
      <NumberInput {...props} />
    </label>
  );
}

/** Reports only values within the bounds. */
function NumberInput({ label, value, min, max, step = 1, onChange }: NumberInputProps) {
  /** What a person types; undefined outside of the field. */
  const [text, setText] = useState<string>();
  return (
    <input
      className="input number-input"
      type="number"
      aria-label={label}
      min={min}
      max={max}
      step={step}
      value={text ?? value}
      onBlur={() => setText(undefined)}
      onChange={({ target }) => {
        setText(target.value);
        const next = target.valueAsNumber;
        if (next >= min && next <= max && next !== value) onChange(next);
      }}
    />
  );
}
