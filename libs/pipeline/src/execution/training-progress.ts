import type { StageProgress } from '../runs/run.ts';
import type { TrainProgress } from '../training/train-model.ts';

/** What people call the phases of training. */
export const trainingPhaseNames: Readonly<Record<TrainProgress['phase'], string>> = {
  fit: 'fit',
  refit: 'refit on newer data',
};

/** How much of the stage belongs to the fit; how many epochs the refit takes is not known before it ends. */
const fitShare = 0.6;

/** A step of training, as progress of its stage. */
export function trainingProgress(progress: TrainProgress): StageProgress {
  const { phase, epoch, epochs, done, total, loss, examplesPerSecond, etaSeconds } = progress;
  const share = (epoch - 1 + done / total) / epochs;
  const atMost = phase === 'fit' ? 'at most ' : '';
  return {
    share: phase === 'fit' ? fitShare * share : fitShare + (1 - fitShare) * share,
    detail: `${trainingPhaseNames[phase]}, epoch ${epoch} of ${atMost}${epochs}, loss ${loss.toFixed(2)}`,
    loss,
    examplesPerSecond,
    etaSeconds,
  };
}
