import { filterOperators, operatorNames } from '@facet/bundles/filter-operators';
import type { OperatorName } from '@facet/bundles/filter-operators';
import type { CatalogResponse } from '@facet/client/serving-api';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { readTexts } from '../../../src/pages.ts';
import { Select } from '../../parts/fields.tsx';
import { addCondition } from './view.ts';
import type { Condition, View } from './view.ts';

interface FiltersProps extends Pick<View, 'search' | 'onChange'> {
  readonly catalog: CatalogResponse;
}

/** Which items may be in the list: named filters of facet.yaml and conditions on attributes. */
export function Filters({ search, catalog, onChange }: FiltersProps) {
  const { filters = [], where = [] } = search;
  const count = filters.length + where.length;
  return (
    <>
      {where.length === 0 ? null : (
        <div className="row filter-chips">
          {where.map((condition, position) => (
            <Chip
              key={condition.attribute}
              text={describeCondition(condition)}
              label={`Remove the filter ${describeCondition(condition)}`}
              onRemove={() =>
                onChange({ where: where.length === 1 ? undefined : where.filter((_, at) => at !== position) })
              }
            />
          ))}
        </div>
      )}
      <details className="filters">
        <summary>Filters{count === 0 ? '' : ` (${count})`}</summary>
        <div className="stack">
          <NamedFilters search={search} catalog={catalog} onChange={onChange} />
          {catalog.attributes.length === 0 ? (
            <p className="muted small">The items of this catalog have no attributes to filter by.</p>
          ) : (
            <NewCondition
              attributes={catalog.attributes}
              onAdd={(condition) => onChange({ where: addCondition(where, condition) })}
            />
          )}
        </div>
      </details>
    </>
  );
}

const namesOf = (operand: 'values' | 'number'): OperatorName[] =>
  operatorNames.filter((name) => filterOperators[name].operand === operand);

function describeCondition(condition: Condition): string {
  const parts = operatorNames.flatMap((name) => {
    const operand = condition[name];
    return operand === undefined ? [] : [`${filterOperators[name].label} ${[operand].flat().join(' or ')}`];
  });
  return `${condition.attribute} ${parts.join(' and ')}`;
}

function NamedFilters({ search, catalog, onChange }: FiltersProps) {
  const { filters = [], context = {} } = search;
  if (catalog.filters.length === 0) return null;
  const toggle = (name: string, isOn: boolean): void =>
    onChange({ filters: readTexts(isOn ? [...filters, name] : filters.filter((one) => one !== name)) });
  const needed = [
    ...new Set(catalog.filters.filter(({ name }) => filters.includes(name)).flatMap((one) => one.context)),
  ];
  return (
    <fieldset className="row">
      <legend className="small muted">Filters of facet.yaml</legend>
      {catalog.filters.map(({ name }) => (
        <label key={name} className="row check">
          <input
            type="checkbox"
            checked={filters.includes(name)}
            onChange={({ target }) => toggle(name, target.checked)}
          />
          {name}
        </label>
      ))}
      {needed.map((field) => (
        <label key={field} className="row small">
          <span>context.{field}</span>
          <input
            className="input"
            defaultValue={context[field] ?? ''}
            onBlur={({ target }) => onChange({ context: { ...context, [field]: readValue(target.value) } })}
          />
        </label>
      ))}
    </fieldset>
  );
}

const readValue = (text: string): string | number => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);

type Attribute = CatalogResponse['attributes'][number];

interface NewConditionProps {
  readonly attributes: readonly Attribute[];
  readonly onAdd: (condition: Condition) => void;
}

function NewCondition({ attributes, onAdd }: NewConditionProps) {
  const [position, setPosition] = useState(0);
  const attribute = attributes[position] ?? attributes[0]!;
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const condition = readCondition(attribute, new FormData(event.currentTarget));
    if (condition === undefined) return;
    onAdd(condition);
    event.currentTarget.reset();
  };
  return (
    <form className="row" onSubmit={submit} aria-label="New filter">
      <Select
        label="Attribute"
        value={position}
        options={attributes.map(({ name }, at) => [at, name])}
        onChange={setPosition}
      />
      {attribute.type === 'number' ? <NumberFields attribute={attribute} /> : <ValueFields attribute={attribute} />}
      <button type="submit" className="button">
        Add filter
      </button>
    </form>
  );
}

function NumberFields({ attribute: { min, max } }: { readonly attribute: Attribute }) {
  const range = min === undefined || max === undefined ? '' : `${min} – ${max}`;
  return namesOf('number').map((name) => (
    <label key={name} className="row small">
      <span>{filterOperators[name].label}</span>
      <input className="input number-input" name={name} type="number" step="any" placeholder={range} />
    </label>
  ));
}

function ValueFields({ attribute }: { readonly attribute: Attribute }) {
  const values = attribute.type === 'boolean' ? [{ value: 'true' }, { value: 'false' }] : (attribute.values ?? []);
  return (
    <>
      <select className="input" name="operator" aria-label="Condition">
        {namesOf('values').map((name) => (
          <option key={name} value={name}>
            {filterOperators[name].label}
          </option>
        ))}
      </select>
      <input
        className="input"
        name="value"
        aria-label="Value"
        placeholder="Value"
        required
        list="filter-values"
        autoComplete="off"
      />
      <datalist id="filter-values">
        {values.map(({ value }) => (
          <option key={value} value={value} />
        ))}
      </datalist>
    </>
  );
}

function readCondition({ name: attribute, type }: Attribute, form: FormData): Condition | undefined {
  const text = (field: string): string => ((form.get(field) as string | null) ?? '').trim();
  const operands =
    type === 'number'
      ? namesOf('number').map((name) => [name, text(name)] as const)
      : [[text('operator'), text('value')] as const];
  const given = operands.filter(([, operand]) => operand !== '');
  if (given.length === 0) return undefined;
  const read = (operand: string): number | string[] => (type === 'number' ? Number(operand) : [operand]);
  return { attribute, ...Object.fromEntries(given.map(([name, operand]) => [name, read(operand)])) };
}

interface ChipProps {
  readonly text: string;
  readonly label: string;
  readonly onRemove: () => void;
}

/** A short text with a button that removes it. */
export function Chip({ text, label, onRemove }: ChipProps) {
  return (
    <span className="chip">
      <span className="truncate">{text}</span>
      <button type="button" className="chip-button" aria-label={label} title={label} onClick={onRemove}>
        ×
      </button>
    </span>
  );
}
