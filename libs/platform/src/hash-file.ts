import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** Returns the size and the SHA-256 in hex of a file, read as a stream. */
export async function hashFile(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const digest = createHash('sha256');
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  await pipeline(file, digest);
  return { bytes: file.bytesRead, sha256: digest.digest('hex') };
}
