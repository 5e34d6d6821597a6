/**
 * The names of keys. All keys of one user, or of one session, share what is between the braces, which keeps them on one
 * node of a cluster.
 */
export interface RedisKeys {
  /** What the names of a user's keys begin with. */
  user(userId: string): string;
  /** What the names of a session's keys begin with. */
  session(sessionId: string): string;
  /** Says whether everything that the lake gave was stored. */
  readonly fill: string;
  /** Patterns for SCAN. */
  readonly patterns: { readonly users: string; readonly sessions: string };
}

export function createRedisKeys(prefix: string): RedisKeys {
  const escaped = prefix.replace(/[*?[\]\\]/g, '\\$&');
  return {
    user: (userId) => `${prefix}:user:{${encodeId(userId)}}`,
    session: (sessionId) => `${prefix}:session:{${encodeId(sessionId)}}`,
    fill: `${prefix}:fill`,
    patterns: {
      users: `${escaped}:user:{*`,
      sessions: `${escaped}:session:{*`,
    },
  };
}

/** The keys of a user. */
export const userKeys = (name: string) => ({
  /** Sorted set of positives by when they occurred. */
  events: `${name}:events`,
  /** Sorted set of the sessions identified as the user, by when that was last received. */
  sessions: `${name}:sessions`,
  /** Text: `[receivedAt, attributes]`. */
  attributes: `${name}:attributes`,
  /** Text: the moment until which everything that was received is forgotten. */
  erased: `${name}:erased`,
});

/** The keys of a session. */
export const sessionKeys = (name: string) => ({
  /** Sorted set of positives by when they occurred. */
  events: `${name}:events`,
  /** Sorted set of the users who were identified, by when that occurred. */
  identities: `${name}:identities`,
});

/** What the name of a key begins with, as `user` and `session` made it. */
export function nameOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(':'));
}

/** Braces in an id would cut off what decides on the node. */
function encodeId(id: string): string {
  return id.replace(/[%{}]/g, encodeURIComponent);
}
