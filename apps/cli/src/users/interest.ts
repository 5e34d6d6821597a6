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

/** Returns the values of the strongest labels of an interest. More do not fit in a heading. */
export function themeOf({ labels }: Pick<UserInterest, 'labels'>): string[] {
  return labels.slice(0, 2).map(({ value }) => value);
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
