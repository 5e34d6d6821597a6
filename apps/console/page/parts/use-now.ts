import { useEffect, useState } from 'react';

/** Returns the time in epoch milliseconds, again and again while something runs. Default: once a second. */
export function useNow(isRunning: boolean, everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [isRunning, everyMs]);
  return now;
}
