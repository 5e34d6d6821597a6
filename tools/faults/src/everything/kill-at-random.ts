import { setTimeout as sleep } from 'node:timers/promises';
import { kill } from '../victim.ts';
import type { Victim } from '../victim.ts';

/** From the kill of a part until it is ready, by `performance.now()`. */
export interface Downtime {
  readonly from: number;
  /** Infinite until the part is ready. */
  until: number;
}

/** The downtimes of each part. */
export type Downtimes = ReadonlyMap<string, readonly Downtime[]>;

export interface KillOptions {
  readonly choose: (bound: number) => number;
  readonly isOver: () => boolean;
  /** Number of parts that may be away at a time. */
  readonly lanes: number;
  /** Whether each part is killed once before another is killed again. */
  readonly isInTurn?: boolean;
}

/** Kills random parts and starts them again, until `isOver`. Records the downtimes from the beginning. */
export function killAtRandom(
  victims: readonly Victim[],
  { choose, isOver, lanes, isInTurn = false }: KillOptions,
): { readonly downtimes: Downtimes; readonly done: Promise<unknown> } {
  const downtimes = new Map(victims.map(({ name }): [string, Downtime[]] => [name, []]));
  const isUp = ({ name }: Victim): boolean => downtimes.get(name)!.every(({ until }) => until !== Infinity);
  const isNext = ({ name }: Victim): boolean => {
    const fewest = Math.min(...[...downtimes.values()].map(({ length }) => length));
    return !isInTurn || downtimes.get(name)!.length === fewest;
  };
  const runLane = async (): Promise<void> => {
    while (!isOver()) {
      const standing = victims.filter((each) => isUp(each) && isNext(each));
      const victim = standing[choose(standing.length)]!;
      const downtime = { from: performance.now(), until: Infinity };
      downtimes.get(victim.name)!.push(downtime);
      await kill(victim);
      await sleep(500 + choose(3_000));
      await victim.start();
      downtime.until = performance.now();
      await sleep(1_500 + choose(5_000));
    }
  };
  const runLanes = async (): Promise<void> => {
    // A part that another lane has killed must start before the suite continues with a failure.
    const ends = await Promise.allSettled(Array.from({ length: lanes }, runLane));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
  return { downtimes, done: runLanes() };
}
