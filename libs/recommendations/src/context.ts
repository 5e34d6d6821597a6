import type { BundleView } from '@facet/bundles';
import type { UserProfile } from '@facet/profiles';
import type { MergeFields } from './merge.ts';
import type { ExploreFields, ServingSettings } from './settings.ts';
import type { Spans } from './spans.ts';

/** The profile is undefined for an unknown user, and when the store is unavailable. */
export interface ProfileReading {
  readonly profile: UserProfile | undefined;
  readonly isAvailable: boolean;
}

/** Reads the stored profile of a user. Never fails a request. */
export type ReadProfile = (userId: string) => Promise<ProfileReading>;

/** Everything that a response depends on, in addition to the request. */
export interface ResponseContext {
  readonly bundle: BundleView;
  readonly readProfile: ReadProfile;
  readonly settings: ServingSettings;
  readonly recommendationId: string;
  /**
   * Epoch milliseconds. Decides the ages of behaviors, which times of a request are valid, which items are new, and which seen
   * items are excluded. Nothing else depends on the clock.
   */
  readonly now: number;
  /** The user's arm in each experiment. */
  readonly arms?: Readonly<Record<string, string>>;
  /** The settings of these arms. */
  readonly overrides?: ArmOverrides;
  readonly spans?: Spans;
}

/** Settings of experiment arms. They override facet.yaml; the request overrides them. */
export interface ArmOverrides {
  readonly merge?: MergeFields;
  readonly explore?: ExploreFields;
  /** Named filters in addition to those of the request. */
  readonly filters?: readonly string[];
  /** `efSearch` or `nprobe` of the index search. */
  readonly breadth?: number;
}
