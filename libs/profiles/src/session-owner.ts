/** An anonymous person is a user by this name and the session's id; no userId begins with it. */
const sessionPrefix = 'session:';

/** The session that an owner's id stands for; undefined for a user. */
export function sessionIdOf(owner: string): string | undefined {
  return owner.startsWith(sessionPrefix) ? owner.slice(sessionPrefix.length) : undefined;
}
