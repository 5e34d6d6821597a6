import type { ExploreSearch } from './search.ts';
import type { ChangeSearch } from './view.ts';

interface WhatIfProps {
  readonly search: ExploreSearch;
  readonly titleOf: (itemId: string) => string;
  /** The numbers of items that entered and left the list; undefined while the lists load. */
  readonly effect: { readonly entered: number; readonly left: number } | undefined;
  readonly onChange: ChangeSearch;
}

/** Lists the added and ignored behaviors of a user, and their effect on the list. */
export function WhatIf({ search, titleOf, effect, onChange }: WhatIfProps) {
  const { user, with: added = [], without = [] } = search;
  if (user === undefined || added.length + without.length === 0) return null;
  const dropAt = (list: readonly string[], position: number): readonly string[] | undefined =>
    list.length === 1 ? undefined : list.filter((_, at) => at !== position);
  return (
    <section className="card what-if" aria-label="What if">
      <div className="row">
        <h2>What if</h2>
        {added.map((itemId, position) => (
          <Chip
            key={`with ${itemId} ${position}`}
            text={`+ ${titleOf(itemId)}`}
            label={`Undo adding ${titleOf(itemId)}`}
            onRemove={() => onChange({ with: dropAt(added, position) })}
          />
        ))}
        {without.map((itemId, position) => (
          <Chip
            key={`without ${itemId}`}
            text={`− ${titleOf(itemId)}`}
            label={`Undo ignoring ${titleOf(itemId)}`}
            onRemove={() => onChange({ without: dropAt(without, position) })}
          />
        ))}
        <button
          type="button"
          className="button small"
          onClick={() => onChange({ with: undefined, without: undefined })}
        >
          Undo all
        </button>
      </div>
      <p role="status">{describeEffect(effect)}</p>
    </section>
  );
}

function describeEffect(effect: WhatIfProps['effect']): string {
  if (effect === undefined) return 'Comparing the lists…';
  const { entered, left } = effect;
  if (entered + left === 0) return 'The list has the same items.';
  return `${entered} ${entered === 1 ? 'item' : 'items'} entered the list, ${left} left it.`;
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
