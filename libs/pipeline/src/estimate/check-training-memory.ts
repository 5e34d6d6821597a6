import { freemem } from 'node:os';
import type { ModelSettings } from '@facet/model';
import { AppError, formatBytes } from '@facet/platform';
import { estimateTrainingMemory } from './estimate-memory.ts';
import type { DataSize } from './estimate-memory.ts';

/** The memory that a process uses and can still allocate. */
export interface ProcessMemory {
  /** Resident memory. */
  readonly usedBytes: number;
  /** Memory that is still free. */
  readonly availableBytes: number;
}

/** Reads the memory of this process. Considers the limit of a container, but not the other processes in it. */
export function processMemory(): ProcessMemory {
  const usedBytes = process.memoryUsage.rss();
  // Without a limit, the value is 0 or exceeds the memory of the machine.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { usedBytes, availableBytes: Math.max(0, Math.min(freemem(), limit - usedBytes)) };
}

/**
 * Rejects a training that would run out of memory, before it starts.
 *
 * @throws AppError `TRAIN_OUT_OF_MEMORY` with the estimate, its parts, and the setting to change.
 */
export function checkTrainingMemory(
  size: DataSize,
  settings: ModelSettings,
  { usedBytes, availableBytes }: ProcessMemory = processMemory(),
): void {
  const { bytes, parts } = estimateTrainingMemory(size, settings);
  const usableBytes = usedBytes + availableBytes;
  if (bytes <= usableBytes) return;
  const [largest] = parts;
  throw new AppError(
    `Training needs about ${formatBytes(bytes)}, of which ${parts.map((part) => `${part.name} ${formatBytes(part.bytes)}`).join(', ')}; ` +
      `this process can use ${formatBytes(usableBytes)}.`,
    {
      code: 'TRAIN_OUT_OF_MEMORY',
      category: 'usage',
      remedy: `${advice(largest!.name, largest!.bytes, bytes - usableBytes, settings)} To train regardless, set trainer.memoryCheck: false.`,
      context: { neededBytes: bytes, roomBytes: usableBytes, parts },
    },
  );
}

/** Returns the change that reduces the largest part of the estimate by the missing bytes. */
function advice(part: string, partBytes: number, missingBytes: number, { model, training }: ModelSettings): string {
  const share = Math.max(0, 1 - missingBytes / partBytes);
  if (part === 'process' || part === 'dataset') return 'Use a machine with more memory.';
  if (part.startsWith('tables')) {
    const dim = Math.floor(model.embeddingDim * share);
    return `Use a machine with more memory${dim > 0 ? `, set model.embeddingDim to ${dim} or less` : ''}, or remove rare items with interactions.rareItems.`;
  }
  const batchSize = Math.floor(training.batchSize * share);
  const smaller = batchSize > 0 ? `Set training.batchSize to ${batchSize} or less` : 'Set training.batchSize lower';
  const isFull = part.startsWith('full softmax');
  return `${smaller}${isFull ? ', or set model.negatives to a number such as 2048.' : '.'}`;
}
