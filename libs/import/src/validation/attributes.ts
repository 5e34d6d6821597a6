import type { Attributes, AttributeValue } from '@facet/schemas';
import { cellNumber } from '../mapping/cell-values.ts';
import type { ReportAttribute } from './report.ts';

const attributesMax = 50;
const samplesMax = 3;
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
