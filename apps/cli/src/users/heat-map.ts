import type { InterestCoupling } from '@facet/recommendations';
import type { Terminal } from '../terminal/terminal.ts';
import { fit } from '../terminal/text.ts';
import { nameOf } from './interest.ts';

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
