import { dayMs } from '@facet/platform';

/** The time of the first event. */
export const start = Date.UTC(2026, 0, 5);

/** Returns events of 40 people over 20 days. Each person chooses one thing a day, always of one kind. @param perKind Things in each of three kinds. */
export function eventsFile(perKind: number): string {
  const lines = ['user_id,item_id,timestamp'];
  for (let day = 0; day < 20; day++) {
    for (let person = 0; person < 40; person++) {
      const thing = (person % 3) + 3 * ((person * 7 + day * 13) % perKind);
      lines.push(`person${person},thing${thing},${(start + day * dayMs + person * 1000) / 1000}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A facet.yaml for these events. */
export const settings = `
interactions: { positives: purchase }
split: { validationFrom: 2026-01-19, testFrom: 2026-01-23 }
features: { titleWords: false }
model: { embeddingDim: 6, interests: 2, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 }
`;
