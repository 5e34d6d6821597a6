import { useVirtualizer } from '@tanstack/react-virtual';
import type { VirtualItem } from '@tanstack/react-virtual';
import { useRef } from 'react';
import type { RefObject } from 'react';

interface VisibleRows {
  /** The element that scrolls. */
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly rows: readonly VirtualItem[];
  /** Height of all rows in pixels. */
  readonly height: number;
}

/** Returns the visible rows of a long list, and a few around them. */
export function useVisibleRows(count: number, rowHeight: number): VisibleRows {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  return { scroller, rows: virtualizer.getVirtualItems(), height: virtualizer.getTotalSize() };
}
