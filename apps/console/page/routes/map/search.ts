import { readText } from '../../parts/search-text.ts';

/** The permalink of the map. */
export interface MapSearch {
  /** `popularity`, `firstSeen` or `attribute:<name>`. */
  readonly color?: string;
  /** The id of the user whose interests the map shows. */
  readonly user?: string;
  /** The id of the selected item. */
  readonly item?: string;
}

export const parseMapSearch = (search: Record<string, unknown>): MapSearch => ({
  color: readText(search['color']),
  user: readText(search['user']),
  item: readText(search['item']),
});
