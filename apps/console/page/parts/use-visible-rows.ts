import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';

/** Returns the visible rows of a long list and a few around them, the ref of the element that scrolls, and the height of all rows in pixels. */
export function useVisibleRows(count: number, rowHeight: number) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  return { scroller, rows: virtualizer.getVirtualItems(), height: virtualizer.getTotalSize() };
}
