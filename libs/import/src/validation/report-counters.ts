import type { Attributes, AttributeValue, Event } from '@facet/schemas';
import { cellNumber } from '../mapping/cell-values.ts';
import type {
  Distribution,
  LearningEvents,
  LearningSample,
  LeftOutReason,
  LineReference,
  ReportAttribute,
  ReportLearning,
} from './report.ts';

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

const attributesMax = 50;
const sampleLength = 24;

interface Counted {
  readonly types: Set<ReportAttribute['types'][number]>;
  readonly samples: Set<string>;
  count: number;
  /** No value so far is anything but text that is a number. */
  isNumericText: boolean;
}

/** Counts the attributes of items or users: the first 50 names. */
export function createAttributeCounter(kind: ReportAttribute['kind']): {
  add(attributes: Attributes): void;
  /** Adds attributes of the mapping that no file has. */
  miss(names: readonly string[]): void;
  build(): ReportAttribute[];
} {
  const byName = new Map<string, Counted>();
  const create = (): Counted => ({ types: new Set(), samples: new Set(), count: 0, isNumericText: true });
  return {
    add(attributes) {
      for (const [name, value] of Object.entries(attributes)) {
        let counted = byName.get(name);
        if (counted === undefined) {
          if (byName.size === attributesMax) continue;
          byName.set(name, (counted = create()));
        }
        counted.count++;
        counted.types.add(typeOf(value));
        counted.isNumericText &&= typeof value === 'string' && !Number.isNaN(cellNumber(value));
        if (counted.samples.size < samplesMax) {
          counted.samples.add(String(value).replaceAll(/\s+/g, ' ').slice(0, sampleLength));
        }
      }
    },
    miss(names) {
      for (const name of names) byName.set(name, create());
    },
    build: () =>
      [...byName].map(([name, { types, samples, count, isNumericText }]) => ({
        kind,
        name,
        types: [...types],
        count,
        samples: [...samples],
        isNumericText: count > 0 && isNumericText,
      })),
  };
}

function typeOf(value: AttributeValue): ReportAttribute['types'][number] {
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number' || typeof value === 'boolean') return typeof value as 'number' | 'boolean';
  return 'text';
}

/** Summarizes counts of at least 1. A quantile is the smallest count that at least that share of counts does not exceed. */
export function distributionOf(counts: Iterable<number>): Distribution {
  const sorted = Float64Array.from(counts).sort();
  const count = sorted.length;
  if (count === 0) return { count, min: 0, median: 0, mean: 0, p90: 0, max: 0, histogram: [] };
  const quantile = (share: number): number => sorted[Math.max(0, Math.ceil(share * count) - 1)] as number;
  const buckets = new Array<number>(Math.floor(Math.log2(quantile(1))) + 1).fill(0);
  let sum = 0;
  for (const value of sorted) {
    sum += value;
    buckets[Math.floor(Math.log2(value))]! += 1;
  }
  return {
    count,
    min: sorted[0] as number,
    median: quantile(0.5),
    mean: sum / count,
    p90: quantile(0.9),
    max: quantile(1),
    histogram: buckets.map((members, power) => ({ from: 2 ** power, to: 2 ** (power + 1) - 1, count: members })),
  };
}
