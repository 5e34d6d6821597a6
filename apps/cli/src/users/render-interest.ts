import type { Style } from '../terminal/terminal.ts';
import { fit, printable, truncate } from '../terminal/text.ts';
import type { TitledItem } from './titles.ts';

export type FormingItem = TitledItem & { readonly share: number };

/** What to call an item on a terminal. */
export function nameOf({ title, itemId }: TitledItem): string {
  return printable(title ?? itemId);
}

/** One interest in two columns: the behaviors that formed it with their shares, and the items that it found. */
export function renderInterest(
  interest: {
    readonly number: number;
    readonly theme: readonly string[];
    readonly formedBy: readonly FormingItem[];
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
