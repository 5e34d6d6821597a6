import { Card } from '../../parts/page.tsx';
import type { Coloring } from './color-points.ts';
import type { ItemMap } from './queries.ts';

interface LegendProps {
  readonly map: ItemMap;
  readonly color: string;
  readonly coloring: Coloring;
  readonly onChange: (color: string) => void;
}

/** An attribute with too many texts, such as a description, has no listed values. */
const hasColors = ({ values }: ItemMap['attributes'][number]): boolean => values?.length !== 0;

/** Chooses what the colors mean, and explains them. */
export function Legend({ map, color, coloring, onChange }: LegendProps) {
  return (
    <Card>
      <label className="field">
        <span>Color by</span>
        <select className="input" value={color} onChange={({ target }) => onChange(target.value)}>
          <option value="popularity">Popularity, last 30 days</option>
          <option value="firstSeen">First seen</option>
          {map.attributes.filter(hasColors).map(({ name }) => (
            <option key={name} value={`attribute:${name}`}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <ul className="legend small">
        {coloring.legend.map(({ color: shade, text, detail }) => (
          <li key={text} className="row">
            <svg className="swatch" viewBox="0 0 10 10" aria-hidden>
              <rect width="10" height="10" fill={shade} />
            </svg>
            <span className="truncate">{text}</span>
            {detail === undefined ? null : <span className="muted numeric">{detail}</span>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
