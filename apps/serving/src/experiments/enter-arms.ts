import { assignArms, settingsOfArms } from '@facet/exposures';
import type { Arms, ArmSettings, Experiment } from '@facet/exposures';

/** What the experiments make of one request. */
export interface EnteredArms {
  readonly arms: Arms;
  readonly settings: ArmSettings;
}

/**
 * The arms that a unit enters. An arm whose bundle is not there is not entered: its answer would be that of another arm.
 *
 * @param hasBundle whether a bundle that an arm names can answer.
 */
export function enterArms(
  experiments: readonly Experiment[],
  { unitId, now }: { readonly unitId: string | undefined; readonly now: number },
  hasBundle: (id: string) => boolean,
): EnteredArms {
  const assigned = assignArms(experiments, unitId, now);
  const arms = Object.fromEntries(
    Object.entries(assigned).filter(([name, arm]) => {
      const declared = experiments.find((experiment) => experiment.name === name);
      const bundle = declared?.arms.find((other) => other.name === arm)?.settings.bundle;
      return bundle === undefined || hasBundle(bundle);
    }),
  );
  return { arms, settings: settingsOfArms(experiments, arms) };
}
