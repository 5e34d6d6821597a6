import { unknownUser } from '@facet/model';
import { describeLatencies } from '../load/latencies.ts';
import type { Latencies } from '../load/latencies.ts';
import { behaviorRowsOf } from './world-model.ts';
import type { World } from './world.ts';

/** Requests before the clock starts, until the code is compiled. */
const warmUps = 2_000;
const measured = 5_000;

/** How long it takes to compute the interests of one user from the behavior sequence. */
export function measureTower({ kernel, users }: World): Latencies {
  const rows = users.map(behaviorRowsOf);
  const times = new Float64Array(measured);
  for (let turn = -warmUps; turn < measured; turn++) {
    const start = performance.now();
    kernel.interests(rows[(turn + warmUps) % rows.length]!, [], unknownUser);
    if (turn >= 0) times[turn] = performance.now() - start;
  }
  return describeLatencies(times);
}
