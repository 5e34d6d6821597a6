import { sessionUserPrefix } from '@facet/schemas';

/** The session that an owner's id stands for; undefined for a user. */
export function sessionIdOf(owner: string): string | undefined {
  return owner.startsWith(sessionUserPrefix) ? owner.slice(sessionUserPrefix.length) : undefined;
}
