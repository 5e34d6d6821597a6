import type { DuckDbOptions } from '@facet/lake';
import { AppError } from '@facet/platform';

/** Bounds of the work for one file. An import has none. */
export interface ReadBounds {
  readonly rowsMax: number;
  /** Bytes after decompression; of Parquet, those of its texts and numbers. */
  readonly bytesMax: number;
  /** Reads Parquet. */
  readonly duckDb: DuckDbOptions;
}

/** Returns the error of a file that exceeds a bound. */
export function fileTooLarge(path: string, size: string, cause?: unknown): AppError {
  return new AppError(`${path} ${size}.`, {
    code: 'EVENTS_FILE_TOO_LARGE',
    category: 'input',
    remedy: 'Validate a part of the file, or run facet validate, which reads files of any size.',
    context: { path },
    cause,
  });
}

/** Returns a function that adds bytes to a sum. @throws AppError `EVENTS_FILE_TOO_LARGE` above `bounds.bytesMax`. */
export function countBytes(path: string, bounds: ReadBounds | undefined): (bytes: number) => void {
  const bytesMax = bounds?.bytesMax ?? Infinity;
  let sum = 0;
  return (bytes) => {
    sum += bytes;
    if (sum > bytesMax) throw fileTooLarge(path, `has more than ${bytesMax >> 20} MiB of decompressed data`);
  };
}
