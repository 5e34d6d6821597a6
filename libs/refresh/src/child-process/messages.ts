import type { RefreshOutputs, RefreshStage } from '@facet/pipeline/runs';

/** The task of a delta process. */
export interface DeltaOrder {
  /** The data home. */
  readonly home: string;
  /** The path of `facet.yaml`. */
  readonly configFile: string;
}

/** The task of a stage process. */
export interface StageOrder extends DeltaOrder {
  readonly runId: string;
  readonly stage: RefreshStage;
  /** Outputs of the earlier stages. */
  readonly outputs: RefreshOutputs;
}
