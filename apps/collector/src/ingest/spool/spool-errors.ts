import { AppError } from '@facet/platform';

export function spoolFull(folder: string, bytesMax: number): AppError {
  return new AppError(`The spool ${folder} has reached its limit of ${bytesMax} bytes.`, {
    code: 'COLLECTOR_SPOOL_FULL',
    category: 'unavailable',
    remedy:
      'Restore Kafka; the spool then drains automatically, except segments that Kafka refused (*.refused). ' +
      'FACET_SPOOL_BYTES_MAX sets the limit.',
    context: { folder, bytesMax },
    retryable: true,
  });
}

export function spoolUnwritable(folder: string, cause: unknown): AppError {
  return new AppError(`Writing to the spool ${folder} failed: ${(cause as Error).message}.`, {
    code: 'COLLECTOR_SPOOL_UNWRITABLE',
    category: 'unavailable',
    remedy: 'Check the space, permissions and health of the disk, or choose another folder with FACET_SPOOL.',
    context: { folder, cause: (cause as NodeJS.ErrnoException).code },
    retryable: true,
    cause,
  });
}

export function spoolLocked(folder: string, heldBy: number): AppError {
  return new AppError(`The running process ${heldBy} uses the spool ${folder}.`, {
    code: 'COLLECTOR_SPOOL_LOCKED',
    category: 'conflict',
    remedy: 'Give each ingest a separate folder with FACET_SPOOL, or stop that process.',
    context: { folder, heldBy },
  });
}

export function spoolDamaged(path: string, byte: number): AppError {
  return new AppError(`The spool segment ${path} is damaged at byte ${byte}.`, {
    code: 'COLLECTOR_SPOOL_DAMAGED',
    category: 'artifact',
    remedy:
      'The segment contains acknowledged events. Restore it, or move it out of the folder to start without them and send ' +
      'its intact lines again by hand.',
    context: { path, byte },
  });
}
