import { randomUUID } from 'node:crypto';
import { AppError, isAppError } from '../errors.ts';
import type { Bucket } from './bucket.ts';
import type { S3Config } from './s3-config.ts';

const markKey = 'facet-store.json';
/** Differs in each call, so that a repeated request recognizes the object of an attempt without a response. */
const newMark = (): string => `${JSON.stringify({ format: 1, check: randomUUID() })}\n`;

/**
 * Checks that a bucket responds and that the server honors conditional writes, by two requests, or three for a new prefix.
 *
 * @throws AppError `S3_REFUSED`, `S3_UNREACHABLE`, `S3_UNSUPPORTED`.
 */
export async function checkBucket(bucket: Bucket, config: S3Config): Promise<void> {
  try {
    await checkConditions(config, bucket);
  } catch (error) {
    // 501: the server does not know a header.
    if (isAppError(error) && error.context['status'] === 501) throw unsupported(config, 'If-None-Match');
    throw error;
  }
}

async function checkConditions(config: S3Config, bucket: Bucket): Promise<void> {
  const create = async (): Promise<boolean> => (await bucket.put(markKey, newMark(), 'absent')) !== undefined;
  // The first process creates the object. After that, no write may succeed.
  if ((await create()) && (await create())) throw unsupported(config, 'If-None-Match');
  const otherEtag = '"00000000000000000000000000000000"';
  if ((await bucket.put(markKey, newMark(), otherEtag)) !== undefined) throw unsupported(config, 'If-Match');
}

function unsupported({ endpoint, bucket }: S3Config, header: string): AppError {
  return new AppError(`${endpoint ?? 'S3'} ignores the header ${header} of writes to the bucket ${bucket}.`, {
    code: 'S3_UNSUPPORTED',
    category: 'usage',
    remedy:
      'Use a server with conditional writes, such as S3. Otherwise, concurrent writers could overwrite each other.',
    context: { bucket, header },
  });
}
