import type { Event } from '@facet/schemas';
import type { LearningEvents, LearningSample, LeftOutReason, LineReference, ReportLearning } from './report.ts';

const samplesMax = 3;

interface Tally {
  readonly type: string;
  readonly reason: LeftOutReason | undefined;
  count: number;
  readonly samples: LearningSample[];
}

/** The rule of positive events. `whyLeftOut` returns `undefined` for a positive event. */
export interface LearningRule {
  readonly rule: string;
  readonly whyLeftOut: (event: Pick<Event, 'type' | 'value'>) => LeftOutReason | undefined;
}

/** Creates the counter of events that the model learns from, and of those that it does not. */
export function createLearningCounter({ rule, whyLeftOut }: LearningRule): {
  add(event: Event, at: LineReference): void;
  build(): ReportLearning;
} {
  const tallies = new Map<string, Tally>();

  const add = (event: Event, at: LineReference): void => {
    const { type, userId = '', itemId = '', value } = event;
    const reason = whyLeftOut(event);
    const key = `${type} ${reason}`;
    let tally = tallies.get(key);
    if (tally === undefined) tallies.set(key, (tally = { type, reason, count: 0, samples: [] }));
    tally.count++;
    if (tally.samples.length < samplesMax) {
      tally.samples.push({ ...at, userId, itemId, ...(value === undefined ? {} : { value }) });
    }
  };
  const build = (): ReportLearning => {
    const counted = [...tallies.values()].sort((a, b) => b.count - a.count);
    const events = ({ type, count, samples }: Tally): LearningEvents => ({ type, count, samples });
    return {
      rule,
      positives: counted.filter(({ reason }) => reason === undefined).map(events),
      leftOut: counted.flatMap((tally) =>
        tally.reason === undefined ? [] : [{ ...events(tally), reason: tally.reason }],
      ),
    };
  };
  return { add, build };
}
