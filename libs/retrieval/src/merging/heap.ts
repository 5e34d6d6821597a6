/** A binary heap of numbers. */
export interface Heap {
  size(): number;
  /** The one that is before all others. */
  top(): number;
  /** Takes out the top and puts another in, if there is one. */
  replaceTop(by: number | undefined): void;
}

/** @param values in an order in which none is before its parent, such as a sorted one; kept and changed. */
export function createHeap(values: number[], isBefore: (a: number, b: number) => boolean): Heap {
  function siftDown(value: number): void {
    let place = 0;
    for (let child = 1; child < values.length; child = 2 * place + 1) {
      if (child + 1 < values.length && isBefore(values[child + 1]!, values[child]!)) child++;
      if (!isBefore(values[child]!, value)) break;
      values[place] = values[child]!;
      place = child;
    }
    values[place] = value;
  }

  return {
    size: () => values.length,
    top: () => values[0]!,
    replaceTop(by) {
      const value = by ?? values.pop()!;
      if (values.length > 0) siftDown(value);
    },
  };
}
