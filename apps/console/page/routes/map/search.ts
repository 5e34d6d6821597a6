/** The permalink of the map. */
export interface MapSearch {
  /** `popularity`, `firstSeen` or `attribute:<name>`. */
  readonly color?: string;
  /** The id of the user whose interests the map shows. */
  readonly user?: string;
  /** The id of the selected item. */
  readonly item?: string;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

export const parseMapSearch = (search: Record<string, unknown>): MapSearch => ({
  color: textOf(search['color']),
  user: textOf(search['user']),
  item: textOf(search['item']),
});
