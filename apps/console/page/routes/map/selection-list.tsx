import { useQueries } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { formatCount } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { itemsQuery } from './queries.ts';
import type { ItemMap, MapItem } from './queries.ts';

const rowHeight = 30;
/** Items of one request. */
const pageSize = 100;

interface SelectionListProps {
  readonly map: ItemMap;
  /** Numbers of items. */
  readonly items: Int32Array;
  readonly onPick: (itemId: string) => void;
  readonly onClear: () => void;
}

/** Lists the selected items, of which only the visible ones are loaded. */
export function SelectionList({ map, items, onPick, onClear }: SelectionListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10,
  });
  const rows = virtualizer.getVirtualItems();
  const pages = [...new Set(rows.map(({ index }) => Math.floor(index / pageSize)))];
  const results = useQueries({
    queries: pages.map((page) => itemsQuery(map, [...items.subarray(page * pageSize, (page + 1) * pageSize)])),
  });
  const itemAt = (index: number): MapItem | null | undefined =>
    results[pages.indexOf(Math.floor(index / pageSize))]?.data?.[index % pageSize];
  return (
    <Card
      title={`${formatCount(items.length)} selected items`}
      actions={
        <button type="button" className="button small" onClick={onClear}>
          Clear
        </button>
      }
    >
      <div ref={scroller} className="selection-scroller" tabIndex={0} role="list" aria-label="Selected items">
        <div className="selection-rows" style={{ height: virtualizer.getTotalSize() }}>
          {rows.map(({ index, key, start }) => {
            const item = itemAt(index);
            return (
              <div
                key={key}
                role="listitem"
                className="selection-row small"
                style={{ transform: `translateY(${start}px)` }}
              >
                {item === undefined || item === null ? (
                  <span className="muted">…</span>
                ) : (
                  <button type="button" className="item-button truncate" onClick={() => onPick(item.itemId)}>
                    {item.title ?? item.itemId}
                  </button>
                )}
              </div>
            );
          })}
        </div>
      </div>
    </Card>
  );
}
