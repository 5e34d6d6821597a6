/**
 * Runs `work` for each value, at most `atATime` at once, and returns the results in order. After a failure, starts no more work, and rejects
 * when all running work has ended.
 */
export async function mapConcurrently<Value, Result>(
  values: readonly Value[],
  atATime: number,
  work: (value: Value, position: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let hasFailed = false;
  const lanes = Array.from({ length: Math.min(atATime, values.length) }, async () => {
    while (next < values.length && !hasFailed) {
      const position = next++;
      try {
        results[position] = await work(values[position]!, position);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  });
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results;
}
