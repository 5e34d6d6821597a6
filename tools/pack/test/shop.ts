import { dayMs } from '@facet/platform';

/** A generated shop whose customers each buy from two departments: just enough to train and promote a model. */

const departments = ['garden', 'kitchen', 'music', 'sports'] as const;
const itemsPerDepartment = 40;
const customers = 80;
const days = 28;
const firstDay = Date.UTC(2026, 0, 5);

export const shopItems = departments.flatMap((department) =>
  Array.from({ length: itemsPerDepartment }, (_, number) => ({
    itemId: `${department}-${number}`,
    title: `The ${department} thing no. ${number}`,
    attributes: { department },
  })),
);

/** Purchases, oldest first. */
export const shopEvents = Array.from({ length: days }, (_, day) =>
  Array.from({ length: customers }, (_, customer) => {
    const department = departments[(customer + (day % 3 === 0 ? 1 : 0)) % departments.length];
    return {
      eventId: `${day}-${customer}`,
      type: 'purchase',
      userId: `customer${customer}`,
      itemId: `${department}-${(Math.imul(day * customers + customer, 2_654_435_761) >>> 12) % itemsPerDepartment}`,
      occurredAt: firstDay + day * dayMs + customer * 60_000,
    };
  }),
).flat();

export const lastDay = new Date(firstDay + (days - 1) * dayMs).toISOString().slice(0, 10);

/** A `facet.yaml` for the shop: small and without a gate, because model quality does not matter here. */
export const shopConfig = `
interactions: { positives: purchase }
index: { kind: flat }
split: { testDays: 4, validationDays: 4 }
model: { embeddingDim: 8, hiddenUnits: [16], sequenceLength: 12 }
training: { epochs: 1, refit: false }
refresh: { cron: 'off' }
gate: { usersMin: 1, ignore: [personal, popularity, interest-cosine, effective-interests] }
`;
