import { uniformOf } from '../uniform.ts';

/** Whether an answer is one of the share whose whole request is kept: it follows from its id. */
export function isSampled(recommendationId: string, share: number): boolean {
  return uniformOf('sampled', recommendationId) < share;
}
