import { dayMs } from '@facet/platform';
import { calendarDay, purchasesOn, things } from './changing-shop.ts';

/** Complete days of orders. The last one is yesterday. */
const days = 60;
const header = 'buyer;article;when;kind;quantity';

/** The user `ada` and the item `teapot-7` of the pages. */
const ownUser = (userId: string): string => (userId === 'customer4' ? 'ada' : userId);
const ownItem = (itemId: string): string => itemId.replace('kitchen', 'teapot');

/** Returns the files of a shop with its own names of columns and types, its own times, and returned orders. */
export function ownFiles(now: number): { orders: string; yesterday: string; products: string } {
  const shiftMs = Math.floor(now / dayMs) * dayMs - days * dayMs - Date.parse(calendarDay(0));
  const rowsOf = (day: number): string[] =>
    purchasesOn(day).flatMap(({ userId, itemId, occurredAt }, position) => {
      const rowOf = (atMs: number, rest: string): string =>
        `${ownUser(userId)};${ownItem(itemId)};${berlin.format(atMs + shiftMs).replace(',', '')};${rest}`;
      const look = rowOf(occurredAt - 60_000, 'klick;');
      const order = rowOf(occurredAt, `kauf;${1 + (position % 3)}`);
      return position % 50 === 0 ? [look, order, rowOf(occurredAt + 3_600_000, 'kauf;-1')] : [look, order];
    });
  const fileOf = (rows: readonly string[]): string => [header, ...rows, ''].join('\n');
  const orders = Array.from({ length: days - 1 }, (_, day) => rowsOf(day)).flat();
  const products = things.map(
    ({ itemId, title, attributes: { department } }, position) =>
      `${ownItem(itemId)};${title};${department};${5 + (position % 40)},90;${position === 7 ? 'nein' : 'ja'}`,
  );
  return {
    orders: fileOf(orders),
    yesterday: fileOf(rowsOf(days - 1)),
    products: ['nr;name;department;price;available', ...products, ''].join('\n'),
  };
}

const berlin = new Intl.DateTimeFormat('de-DE', {
  timeZone: 'Europe/Berlin',
  day: '2-digit',
  month: '2-digit',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
