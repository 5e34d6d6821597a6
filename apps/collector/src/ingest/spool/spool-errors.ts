import { AppError } from '@facet/platform';

export function spoolFull(folder: string, bytesMax: number): AppError {
  return new AppError(`The spool ${folder} has reached its ${bytesMax} bytes.`, {
    code: 'COLLECTOR_SPOOL_FULL',
    category: 'unavailable',
    remedy: 'Bring Kafka back: the spool empties by itself. FACET_SPOOL_BYTES_MAX bounds it.',
    context: { folder, bytesMax },
    retryable: true,
  });
}

export function spoolUnwritable(folder: string, cause: unknown): AppError {
  return new AppError(`The spool ${folder} cannot be written: ${(cause as Error).message}.`, {
    code: 'COLLECTOR_SPOOL_UNWRITABLE',
    category: 'unavailable',
    remedy: 'Check the disk: space, permissions, health; or choose another folder with FACET_SPOOL.',
    context: { folder, cause: (cause as NodeJS.ErrnoException).code },
    retryable: true,
    cause,
  });
}

export function spoolLocked(folder: string, heldBy: number): AppError {
  return new AppError(`The spool ${folder} belongs to the running process ${heldBy}.`, {
    code: 'COLLECTOR_SPOOL_LOCKED',
    category: 'conflict',
    remedy: 'Give each ingest a folder of its own with FACET_SPOOL, or stop that process.',
    context: { folder, heldBy },
  });
}

export function spoolDamaged(path: string, byte: number): AppError {
  return new AppError(`${path} of the spool cannot be read from byte ${byte} on.`, {
    code: 'COLLECTOR_SPOOL_DAMAGED',
    category: 'artifact',
    remedy:
      'It holds acknowledged events: restore it, or move it out of the folder to go on without them; its intact lines can ' +
      'be sent again by hand.',
    context: { path, byte },
  });
}
