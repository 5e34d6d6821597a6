/** Keeps what was used last: when there are more than `max`, what was not used for the longest time goes. */
export function createRecentlyUsed<Value>(max: number): { take(key: string, make: () => Value): Value } {
  // A map keeps the order in which its keys were set.
  const kept = new Map<string, Value>();
  return {
    take(key, make) {
      const value = kept.has(key) ? kept.get(key)! : make();
      kept.delete(key);
      kept.set(key, value);
      if (kept.size > max) kept.delete(kept.keys().next().value!);
      return value;
    },
  };
}
