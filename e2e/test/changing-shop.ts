import { dayMs } from '@facet/platform';
import { mulberry32 } from '@facet/testing';

/** A synthetic shop with 240 items and returning customers, generated day by day with fixed seeds. */

export interface Purchase {
  readonly eventId: string;
  readonly type: 'purchase';
  readonly userId: string;
  readonly itemId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

const departments = ['garden', 'kitchen', 'music', 'sports'] as const;
const thingsPerDepartment = 60;
const customers = 300;
/** The shop's first day. */
const firstDay = Date.UTC(2026, 0, 5);

export const things = departments.flatMap((department) =>
  Array.from({ length: thingsPerDepartment }, (_, number) => ({
    itemId: `${department}-${number}`,
    title: `The ${department} thing no. ${number}`,
    attributes: { department },
  })),
);

/** Returns the calendar day of a day of the shop, counted from 0. */
export function calendarDay(day: number): string {
  return new Date(firstDay + day * dayMs).toISOString().slice(0, 10);
}

/** Returns the purchases of a day: mostly popular items of the two departments that a customer prefers. */
export function purchasesOn(day: number): Purchase[] {
  const random = mulberry32(1000 + day);
  const purchases: Purchase[] = [];
  for (let customer = 0; customer < customers; customer++) {
    if (random() > 0.3) continue;
    const first = customer % departments.length;
    const second = (first + 1 + (Math.floor(customer / departments.length) % 3)) % departments.length;
    for (let item = 0; item < 2; item++) {
      const draw = random();
      const department = draw < 0.55 ? first : draw < 0.95 ? second : Math.floor(random() * departments.length);
      purchases.push({
        eventId: `${day}-${customer}-${item}`,
        type: 'purchase',
        userId: `customer${customer}`,
        itemId: `${departments[department]}-${Math.floor(thingsPerDepartment * random() ** 2)}`,
        occurredAt: firstDay + day * dayMs + 9 * 3_600_000 + customer * 60_000 + item,
      });
    }
  }
  return purchases;
}

/** Returns the purchases with their items shuffled, as by a wrong join. */
export function poisoned(purchases: readonly Purchase[]): Purchase[] {
  const random = mulberry32(99);
  const items = purchases.map(({ itemId }) => itemId);
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return purchases.map((purchase, index) => ({ ...purchase, itemId: items[index]! }));
}
