import type { BundleView } from '@facet/bundles';
import type { InterestBehavior, InterestCoupling, UserInterest } from '@facet/recommendations';
import type { Style, Terminal } from '../terminal/terminal.ts';
import { fit, printable, truncate } from '../terminal/text.ts';

/** An item with its title, if the catalog has one. */
export interface TitledItem {
  readonly itemId: string;
  readonly title?: string;
}

/** Returns the title of an item, or its id. */
export function nameOf({ title, itemId }: TitledItem): string {
  return printable(title ?? itemId);
}

/** Minimum share of an interest for a value to describe it … */
const shareMin = 0.4;
/** … and minimum difference from the mean share over all interests of the user. */
const liftMin = 0.12;
const valuesMax = 2;

/**
 * Returns the category values (genres, brands …) that distinguish one interest of a user from the others. The result is often
 * empty, because many catalogs have no such attributes.
 *
 * @param all All interests of the user.
 */
export function findTheme(
  bundle: BundleView,
  { behaviors }: Pick<UserInterest, 'behaviors'>,
  all: readonly UserInterest[],
): string[] {
  const own = weighValues(bundle, behaviors);
  const average = new Map<string, number>();
  for (const interest of all) {
    for (const [value, weight] of weighValues(bundle, interest.behaviors)) {
      average.set(value, (average.get(value) ?? 0) + weight / all.length);
    }
  }
  return [...own]
    .map(([value, share]) => ({ value, share, lift: share - (average.get(value) ?? 0) }))
    .filter(({ share, lift }) => share >= shareMin && lift >= liftMin)
    .sort((a, b) => b.lift - a.lift || (a.value < b.value ? -1 : 1))
    .slice(0, valuesMax)
    .map(({ value }) => value);
}

/** Returns the share of an interest that has each category value. */
function weighValues(bundle: BundleView, behaviors: readonly InterestBehavior[]): Map<string, number> {
  const weights = new Map<string, number>();
  const names = bundle.info.spec.itemFeatures.filter(({ kind }) => kind === 'category').map(({ name }) => name);
  for (const { itemId, share } of behaviors) {
    const item = bundle.indexOf(itemId);
    const attributes = item === undefined ? {} : bundle.itemAt(item).attributes;
    for (const name of names) {
      for (const value of [attributes[name] ?? []].flat()) {
        // Numbers and codes without letters describe nothing to a reader.
        if (typeof value !== 'string' || !/\p{L}/u.test(value)) continue;
        weights.set(value, (weights.get(value) ?? 0) + share);
      }
    }
  }
  return weights;
}

/** Returns one interest in two columns: the behaviors that formed it with their shares, and the items that it found. */
export function renderInterest(
  interest: {
    readonly number: number;
    readonly theme: readonly string[];
    readonly formedBy: readonly InterestBehavior[];
    readonly foundTitle: string;
    readonly found: readonly TitledItem[];
  },
  { style, width }: { readonly style: Style; readonly width: number },
): string {
  const { formedBy, found, theme } = interest;
  const title = printable(
    `Interest ${interest.number}${theme.length === 0 ? '' : ` (${theme.join(', ')})`}, formed by`,
  );
  const column = Math.floor((width - 4) / 2);
  const line = (left: string, right: string): string => `  ${left}  ${right}`.trimEnd();
  const lines = [line(style('cyan', fit(title, column)), style('cyan', truncate(interest.foundTitle, column)))];
  for (let row = 0; row < Math.max(formedBy.length, found.length); row++) {
    const [forming, item] = [formedBy[row], found[row]];
    const formed =
      forming === undefined ? '' : `${String(Math.round(forming.share * 100)).padStart(3)} %  ${nameOf(forming)}`;
    lines.push(line(fit(formed, column), item === undefined ? '' : truncate(nameOf(item), column)));
  }
  return lines.join('\n');
}

/** The colors of the first interests; later ones start over. */
const colors = ['blue', 'cyan', 'yellow', 'magenta', 'green', 'red'] as const;
/** Shades from the smallest coefficient on. A heat map is readable without colors, such as in a file. */
const shades = [
  [0.8, '█'],
  [0.5, '▓'],
  [0.25, '▒'],
  [0.1, '░'],
  [0, '·'],
] as const;

/** More interests have cells of one character, without numbers. */
const numberedInterestsMax = 8;
const nameWidthMin = 16;

function interestStyle(interest: number): (typeof colors)[number] {
  return colors[interest % colors.length]!;
}

/** Returns the coupling coefficients of the newest behaviors as a heat map: a row for each behavior, a column for each interest. */
export function renderHeatMap(
  { behaviors }: InterestCoupling,
  limit: number,
  { style, width }: Pick<Terminal, 'style' | 'width'>,
): string {
  const newest = behaviors.slice(-limit).reverse();
  const count = newest[0]?.coefficients.length ?? 0;
  const isNumbered = count <= numberedInterestsMax;
  const cellWidth = isNumbered ? 8 : 1;
  const longest = Math.max(0, ...newest.map((behavior) => nameOf(behavior).length), 'Behavior'.length);
  const nameWidth = Math.max(nameWidthMin, Math.min(longest + 2, width - cellWidth * count));
  const columns = Array.from({ length: count }, (_, interest) =>
    style(
      interestStyle(interest),
      (isNumbered ? String(interest + 1) : String((interest + 1) % 10)).padStart(cellWidth),
    ),
  );
  const rows = newest.map((behavior) => {
    const cells = behavior.coefficients.map((value, interest) =>
      style(interestStyle(interest), renderCell(value, isNumbered)),
    );
    return `${fit(nameOf(behavior), nameWidth)}${cells.join('')}`;
  });
  return [`${style('bold', fit('Behavior', nameWidth))}${columns.join('')}`, ...rows].join('\n');
}

function renderCell(value: number, isNumbered: boolean): string {
  const shade = shades.find(([from]) => value >= from)?.[1] ?? '·';
  return isNumbered ? ` ${shade.repeat(3)}${String(Math.round(100 * value)).padStart(4)}` : shade;
}
