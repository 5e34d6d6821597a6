import type { BenchmarkData, HeldOutSequenceUser } from '@facet/pipeline/benchmark';
import { createCoupling } from './couple-user.ts';
import type { CoupledUser } from './couple-user.ts';
import type { Fitted } from './fit-weights.ts';
import { drawHeatMap } from './heat-map.ts';

/** A user who fits on one page, and has enough behaviors for all interests of the default model. */
const behaviors = { min: 16, max: 30 };
const usersTried = 500;

/**
 * Draws the coupling coefficients of the user whose interests separate the items best, among the first held-out users with 16 to 30
 * behaviors. Returns undefined if no user has two interests with two behaviors each.
 *
 * @param options.isAnonymous Number the items instead of naming them.
 */
export function drawUser(
  data: BenchmarkData['data'],
  fitted: Fitted,
  users: readonly HeldOutSequenceUser[],
  options: { readonly title: string; readonly isAnonymous: boolean },
): string | undefined {
  const couple = createCoupling(data, fitted);
  const coupled = users
    .map(couple)
    .filter((user): user is CoupledUser => user !== undefined && isDrawable(user))
    .slice(0, usersTried);
  if (coupled.length === 0) return undefined;
  const best = coupled.reduce((a, b) => (b.within - b.across > a.within - a.across ? b : a));
  const strongest = best.coefficients.map((own) => own.indexOf(Math.max(...own)));
  const order = [...best.items.keys()].sort(
    (a, b) =>
      strongest[a]! - strongest[b]! || best.coefficients[b]![strongest[b]!]! - best.coefficients[a]![strongest[a]!]!,
  );
  const cosines = `${best.within.toFixed(2)} in one interest, ${best.across.toFixed(2)} across interests`;
  return drawHeatMap({
    title: options.title,
    caption: `Behaviors × interests. Cosine of two items: ${cosines}`,
    rows: order.map((position, row) => ({
      name: options.isAnonymous ? `behavior ${row + 1}` : nameOf(data, best.items[position]!),
      coefficients: best.coefficients[position]!,
    })),
  });
}

function isDrawable({ items }: CoupledUser): boolean {
  return items.length >= behaviors.min && items.length <= behaviors.max;
}

function nameOf({ items }: BenchmarkData['data'], item: number): string {
  const { title, itemId } = items[item]!;
  return title ?? itemId;
}
