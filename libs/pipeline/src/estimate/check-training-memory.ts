import { freemem } from 'node:os';
import type { ModelConfig, TrainingConfig } from '@facet/model';
import { AppError } from '@facet/platform';
import { estimateTrainingMemory } from './estimate-memory.ts';
import type { DataSize } from './estimate-memory.ts';

/** Bytes that a process has and may still get. */
export interface ProcessMemory {
  /** Resident. */
  readonly usedBytes: number;
  /** Beside those. */
  readonly availableBytes: number;
}

/** Of this process, as the machine and a container's limit allow; what others in the container use is not known. */
export function processMemory(): ProcessMemory {
  const usedBytes = process.memoryUsage.rss();
  // Without a limit it is 0, or more than there is.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { usedBytes, availableBytes: Math.max(0, Math.min(freemem(), limit - usedBytes)) };
}

/**
 * Refuses a training that would run out of memory, before it starts.
 *
 * @throws AppError `TRAIN_OUT_OF_MEMORY` with what is needed, what for, and what to change.
 */
export function checkTrainingMemory(
  size: DataSize,
  settings: { readonly model: ModelConfig; readonly training: TrainingConfig },
  { usedBytes, availableBytes }: ProcessMemory = processMemory(),
): void {
  const { bytes, parts } = estimateTrainingMemory(size, settings);
  const room = usedBytes + availableBytes;
  if (bytes <= room) return;
  const [largest] = parts;
  throw new AppError(
    `Training needs about ${gigabytes(bytes)}, of which ${parts.map((part) => `${part.name} ${gigabytes(part.bytes)}`).join(', ')}; ` +
      `this process can have ${gigabytes(room)}.`,
    {
      code: 'TRAIN_OUT_OF_MEMORY',
      category: 'usage',
      remedy: `${advice(largest!.name, largest!.bytes, bytes - room, settings)} To train regardless, set trainer.memoryCheck: false.`,
      context: { neededBytes: bytes, roomBytes: room, parts },
    },
  );
}

/** What to change so that the largest part of the estimate shrinks by what is missing. */
function advice(
  part: string,
  partBytes: number,
  missingBytes: number,
  { model, training }: { readonly model: ModelConfig; readonly training: TrainingConfig },
): string {
  const share = Math.max(0, 1 - missingBytes / partBytes);
  if (part === 'process' || part === 'dataset') return 'Give it more memory.';
  if (part.startsWith('tables')) {
    const dim = Math.floor(model.embeddingDim * share);
    return `Give it more memory${dim > 0 ? `, or set model.embeddingDim to ${dim} or less` : ''}; fewer items (interactions.rareItems) take less, too.`;
  }
  const batchSize = Math.floor(training.batchSize * share);
  const smaller = batchSize > 0 ? `Set training.batchSize to ${batchSize} or less` : 'Set training.batchSize lower';
  const isFull = part.startsWith('full softmax');
  return `${smaller}${isFull ? ', or model.negatives to a number, such as 2048.' : '.'}`;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
