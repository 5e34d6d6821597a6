/** Key names. All keys of one user or session share the text in braces, which places them on one node of a cluster. */
interface RedisKeys {
  /** Returns the prefix of a user's keys. */
  user(userId: string): string;
  /** Returns the user of a prefix that `user` returned. */
  userOf(name: string): string;
  /** Returns the prefix of a session's keys. */
  session(sessionId: string): string;
  /** Key that records whether the whole lake has been stored. */
  readonly fill: string;
  /** Key with the id of the installation that uses the store. */
  readonly installation: string;
  /** Patterns for SCAN. */
  readonly patterns: { readonly users: string; readonly sessions: string };
}

export function createRedisKeys(prefix: string): RedisKeys {
  const escaped = prefix.replace(/[*?[\]\\]/g, '\\$&');
  return {
    user: (userId) => `${prefix}:user:{${encodeId(userId)}}`,
    userOf: (name) => decodeURIComponent(name.slice(`${prefix}:user:{`.length, -1)),
    session: (sessionId) => `${prefix}:session:{${encodeId(sessionId)}}`,
    fill: `${prefix}:fill`,
    installation: `${prefix}:installation`,
    patterns: {
      users: `${escaped}:user:{*`,
      sessions: `${escaped}:session:{*`,
    },
  };
}

/** Returns the keys of a user. */
export const userKeys = (name: string) => ({
  /** Sorted set of interactions by `occurredAt`. */
  events: `${name}:events`,
  /** Sorted set of sessions identified as the user, by the time when the last identify was received. */
  sessions: `${name}:sessions`,
  /** Text: `[receivedAt, attributes]`. */
  attributes: `${name}:attributes`,
  /** Text: everything received until this time is erased. */
  erased: `${name}:erased`,
});

/** Returns the keys of a session. */
export const sessionKeys = (name: string) => ({
  /** Sorted set of interactions by `occurredAt`. */
  events: `${name}:events`,
  /** Sorted set of identified users by `occurredAt` of the identify. */
  identities: `${name}:identities`,
});

/** Returns the prefix of a key, as `user` and `session` return it. */
export function nameOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(':'));
}

/** Braces in an id would change the cluster node of its keys. */
function encodeId(id: string): string {
  return id.replace(/[%{}]/g, encodeURIComponent);
}
