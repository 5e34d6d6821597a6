import type { ProfileChange } from '@facet/profiles';
import type { LakeSnapshot } from '@facet/lake';
import { hashUser } from '@facet/schemas';

/** The erased users and the time of their erasures, from the lake, which keeps them forever. */
export interface ErasedUsers {
  /** Whether data of the user received at this time must be erased. */
  isErased(userId: string, receivedAt: number): boolean;
  add(erasure: { readonly userHash: string; readonly requestedAt: number }): void;
  /** Adds the erasures of the lake, as HMACs with its erasure key. */
  addRecorded(recorded: Pick<LakeSnapshot, 'erasures' | 'erasureKey'>): void;
  /**
   * Returns the erasures to repeat together with changes, because the profile store may have lost their marks. They are those of users
   * with changes older than their erasure, or with an `identify`, which may give the user older events of a session.
   */
  repeatedFor(changes: readonly ProfileChange[]): ProfileChange[];
}

export function createErasedUsers(): ErasedUsers {
  const erasedUntil = new Map<string, number>();
  let newest = -1;
  let keyOf = (hash: string): string => hash;
  const untilOf = (userId: string): number => {
    const hash = hashUser(userId);
    return Math.max(erasedUntil.get(hash) ?? -1, erasedUntil.get(keyOf(hash)) ?? -1);
  };
  const add: ErasedUsers['add'] = ({ userHash, requestedAt }) => {
    erasedUntil.set(userHash, Math.max(requestedAt, erasedUntil.get(userHash) ?? 0));
    newest = Math.max(newest, requestedAt);
  };
  return {
    // Nearly all data is newer than every erasure, and its users need not be hashed.
    isErased: (userId, receivedAt) => receivedAt <= newest && receivedAt <= untilOf(userId),
    add,
    addRecorded({ erasures, erasureKey }) {
      keyOf = (hash) => erasureKey.of(hash);
      for (const erasure of erasures) add(erasure);
    },
    repeatedFor(changes) {
      if (erasedUntil.size === 0) return [];
      const repeated = new Map<string, number>();
      for (const change of changes) {
        if (change.kind === 'erase' || change.userId === undefined) continue;
        const { kind, userId, receivedAt } = change;
        if (kind !== 'identify' && receivedAt > newest) continue;
        const before = untilOf(userId);
        if (before >= 0 && (kind === 'identify' || receivedAt <= before)) repeated.set(userId, before);
      }
      return Array.from(repeated, ([userId, before]) => ({ kind: 'erase', userId, before }));
    },
  };
}
