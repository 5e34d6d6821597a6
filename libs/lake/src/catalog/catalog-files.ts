/** The files of a catalog folder: one JSON object per line, ordered by id. */
export const catalogFiles = { items: 'items.jsonl', users: 'users.jsonl' } as const;
