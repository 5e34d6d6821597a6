import { createHash, randomInt } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3 } from '@aws-sdk/client-s3';
import type { ListObjectsV2Output } from '@aws-sdk/client-s3';
import { isAppError } from '../errors.ts';
import { mapConcurrently, unlessAborted } from '../concurrency.ts';
import type { S3Config } from './s3-config.ts';
import { isFailedCondition, isMissingObject, isTransient, isUnknownHeader, s3ProblemOf } from './s3-problems.ts';

export interface StoredObject {
  readonly text: string;
  readonly etag: string;
}

export interface ListedObject {
  /** Without the prefix of the store. */
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  /** Epoch milliseconds, by the clock of the server. */
  readonly changedAt: number;
}

export interface OpenUpload {
  /** Without the prefix of the store. */
  readonly key: string;
  readonly uploadId: string;
  readonly startedAt: number;
}

/**
 * The objects below the prefix of a store. Requests are repeated after failures that may pass, and every request has a time limit.
 *
 * All methods throw AppError `S3_REFUSED`, which is retryable if credentials are missing or wrong, or `S3_UNREACHABLE`.
 */
export interface Bucket {
  /** Returns a small object, or undefined if it does not exist. */
  get(key: string): Promise<StoredObject | undefined>;
  /**
   * Stores a small object. `condition` is `absent` or the ETag of the object to replace. Returns the ETag, or undefined if the
   * condition is not met and the object has another text.
   */
  put(key: string, text: string, condition?: string): Promise<string | undefined>;
  /**
   * Deletes an object. `condition` is the ETag of the object to delete: an object that has changed stays. Servers without conditional
   * deletes ignore the condition.
   */
  delete(key: string, condition?: string): Promise<void>;
  list(prefix: string, options?: { readonly after?: string }): Promise<ListedObject[]>;
  /** Returns the folders directly below a prefix that ends with a slash. */
  folders(prefix: string): Promise<string[]>;
  /** Stores a file, in parts if it is large, and returns the ETag. The server checks the SHA-256 of each part. */
  upload(key: string, path: string, bytes: number): Promise<string>;
  /** Writes an object of `bytes` bytes into a file, which is created if it does not exist. Returns false if the object does not exist. */
  download(key: string, path: string, bytes: number): Promise<boolean>;
  /** Copies an object of `bytes` bytes in the bucket, in parts if it is large. Returns false if the object does not exist. */
  copy(from: string, to: string, bytes: number): Promise<boolean>;
  uploads(prefix: string): Promise<OpenUpload[]>;
  abort(upload: OpenUpload): Promise<void>;
}

/** The smallest part that S3 accepts is 5 MiB. Each part is in memory once. */
const partBytesMin = 8 * 1024 * 1024;
/** S3 copies at most 5 GB in one request. */
const copiedPartBytesMin = 512 * 1024 * 1024;
const partsMax = 10_000;
const partsAtATime = 4;
const attemptsMax = 4;
const firstPauseMs = 200;
/** For 8 MiB: a slower network would not be usable. */
const requestMs = 60_000;
/** Some servers copy all parts before they respond. */
const completeMs = 600_000;
const connectMs = 5_000;

/** @param options.requestMs Time limit of one attempt of one request, with its body. */
export function openBucket(config: S3Config, options: { readonly requestMs?: number } = {}): Bucket {
  // The pinned version runs on Node 20; its warning about later versions would be on each start.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const limitMs = options.requestMs ?? requestMs;
  const connect = (): S3 =>
    new S3({
      region: config.region,
      ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
      forcePathStyle: config.pathStyle,
      maxAttempts: 1,
      // Each write names its SHA-256, and readers compare the size or the SHA-256. Other servers may lack the default, CRC32.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: connectMs, requestTimeout: limitMs, throwOnRequestTimeout: true },
      // Without it, all clients of the process use the first content of the file of credentials.
      ...{ ignoreCache: true },
    });
  let client = connect();
  const Bucket = config.bucket;
  const keyOf = (key: string): string => `${config.prefix}/${key}`;
  const withoutPrefix = (key = ''): string => key.slice(config.prefix.length + 1);

  /** Makes a request. Repeats it after failures that may pass. */
  async function request<Result>(
    attempt: (
      options: { readonly abortSignal: AbortSignal; readonly requestTimeout: number },
      number: number,
    ) => Promise<Result>,
    ms = limitMs,
  ): Promise<Result> {
    for (let number = 1; ; number++) {
      const abortSignal = AbortSignal.timeout(ms);
      try {
        // A response that the SDK leaves unfinished must not wait longer, either.
        return await unlessAborted(attempt({ abortSignal, requestTimeout: ms }, number), abortSignal);
      } catch (error) {
        if (number === attemptsMax || !isTransient(error)) throw error;
        await sleep(firstPauseMs * 2 ** (number - 1) + randomInt(firstPauseMs));
      }
    }
  }

  /** Runs requests, and replaces their errors by errors with a remedy. */
  async function explained<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const problem = s3ProblemOf(error, config);
      if (isAppError(problem, 'S3_REFUSED') && problem.retryable) {
        // A client keeps its first credentials. A new client reads the renewed ones.
        client.destroy();
        client = connect();
      }
      throw problem;
    }
  }

  async function get(key: string): Promise<StoredObject | undefined> {
    try {
      return await request(async (limits) => {
        const { Body, ETag = '' } = await client.getObject({ Bucket, Key: keyOf(key) }, limits);
        return { text: await Body!.transformToString(), etag: ETag };
      });
    } catch (error) {
      if (isMissingObject(error)) return undefined;
      throw error;
    }
  }

  async function put(key: string, text: string, condition?: string): Promise<string | undefined> {
    const conditions =
      condition === undefined ? {} : condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition };
    const Body = Buffer.from(text);
    try {
      const { ETag = '' } = await request((limits) =>
        client.putObject({ Bucket, Key: keyOf(key), Body, ChecksumSHA256: sha256Of(Body), ...conditions }, limits),
      );
      return ETag;
    } catch (error) {
      const isRefused = isFailedCondition(error) || (condition !== undefined && isMissingObject(error));
      if (!isRefused) throw error;
      // An attempt without a response may have succeeded. A proxy may have repeated the request, too.
      const found = await get(key);
      return found?.text === text ? found.etag : undefined;
    }
  }

  async function remove(key: string, condition?: string): Promise<void> {
    try {
      await request((limits) => client.deleteObject({ Bucket, Key: keyOf(key), IfMatch: condition }, limits));
    } catch (error) {
      if (condition === undefined) throw error;
      if (isUnknownHeader(error)) return remove(key);
      if (!isFailedCondition(error) && !isMissingObject(error)) throw error;
    }
  }

  /** Calls `read` for each page of a list. */
  async function pages(read: (token?: string) => Promise<string | undefined>): Promise<void> {
    let token: string | undefined;
    do token = await read(token);
    while (token !== undefined);
  }

  async function listPages(
    query: { readonly Prefix: string; readonly StartAfter?: string | undefined; readonly Delimiter?: string },
    read: (page: ListObjectsV2Output) => void,
  ): Promise<void> {
    await pages(async (token) => {
      const page = await request((limits) =>
        client.listObjectsV2({ Bucket, ...query, ContinuationToken: token }, limits),
      );
      read(page);
      return page.IsTruncated === true ? page.NextContinuationToken : undefined;
    });
  }

  async function list(prefix: string, { after }: { readonly after?: string } = {}): Promise<ListedObject[]> {
    const objects: ListedObject[] = [];
    await listPages({ Prefix: keyOf(prefix), StartAfter: after && keyOf(after) }, ({ Contents = [] }) => {
      for (const { Key, Size = 0, ETag = '', LastModified } of Contents) {
        objects.push({ key: withoutPrefix(Key), bytes: Size, etag: ETag, changedAt: LastModified?.getTime() ?? 0 });
      }
    });
    return objects;
  }

  async function folders(prefix: string): Promise<string[]> {
    const names: string[] = [];
    await listPages({ Prefix: keyOf(prefix), Delimiter: '/' }, ({ CommonPrefixes = [] }) => {
      for (const { Prefix } of CommonPrefixes) names.push(withoutPrefix(Prefix).slice(prefix.length, -1));
    });
    return names;
  }

  async function upload(key: string, path: string, bytes: number): Promise<string> {
    const file = await open(path, 'r');
    try {
      return bytes <= partBytesMin ? await uploadWhole(key, file, bytes) : await uploadParts(key, file, bytes);
    } finally {
      await file.close();
    }
  }

  async function uploadWhole(key: string, file: FileHandle, bytes: number): Promise<string> {
    const Body = await readPart(file, 0, bytes);
    const { ETag = '' } = await request((limits) =>
      client.putObject({ Bucket, Key: keyOf(key), Body, ChecksumSHA256: sha256Of(Body) }, limits),
    );
    return ETag;
  }

  function uploadParts(key: string, file: FileHandle, bytes: number): Promise<string> {
    const options = { partBytes: partBytesMin, checksum: 'SHA256' as const };
    return storeParts(key, bytes, options, async ({ from, to }, target) => {
      const Body = await readPart(file, from, to);
      const ChecksumSHA256 = sha256Of(Body);
      const { ETag } = await request((limits) => client.uploadPart({ ...target, Body, ChecksumSHA256 }, limits));
      return { ETag, ChecksumSHA256 };
    });
  }

  /** Creates an object in parts, each of which `store` stores. Returns the ETag. */
  async function storeParts(
    key: string,
    bytes: number,
    { partBytes, checksum }: { readonly partBytes: number; readonly checksum?: 'SHA256' },
    store: (part: ByteRange, target: UploadPartTarget) => Promise<StoredPart>,
  ): Promise<string> {
    const Key = keyOf(key);
    const { UploadId = '' } = await request((limits) =>
      client.createMultipartUpload({ Bucket, Key, ChecksumAlgorithm: checksum }, limits),
    );
    try {
      const Parts = await mapConcurrently(partsOf(bytes, partBytes), partsAtATime, async (part, position) => {
        const PartNumber = position + 1;
        return { PartNumber, ...(await store(part, { Bucket, Key, UploadId, PartNumber })) };
      });
      return await request(async (limits, number) => {
        try {
          const parts = { Bucket, Key, UploadId, MultipartUpload: { Parts } };
          return (await client.completeMultipartUpload(parts, limits)).ETag ?? '';
        } catch (error) {
          // An attempt without a response may have succeeded.
          if (number === 1 || !isMissingObject(error)) throw error;
          const found = (await list(key)).find((object) => object.key === key && object.bytes === bytes);
          if (found === undefined) throw error;
          return found.etag;
        }
      }, completeMs);
    } catch (error) {
      await abort({ key, uploadId: UploadId }).catch(() => undefined);
      throw error;
    }
  }

  async function download(key: string, path: string, bytes: number): Promise<boolean> {
    // Callers may have reserved the space of the file.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT);
    try {
      await mapConcurrently(partsOf(bytes), partsAtATime, async ({ from, to }) => {
        const part = await request(async (limits) => {
          const Range = `bytes=${from}-${to - 1}`;
          const { Body } = await client.getObject({ Bucket, Key: keyOf(key), Range }, limits);
          const received = await Body!.transformToByteArray();
          if (received.length === to - from) return received;
          throw new Error(`The response has ${received.length} bytes instead of ${to - from}.`);
        });
        await file.write(part, 0, part.length, from);
      });
      return true;
    } catch (error) {
      if (isMissingObject(error)) return false;
      throw error;
    } finally {
      await file.close();
    }
  }

  async function copy(from: string, to: string, bytes: number): Promise<boolean> {
    const CopySource = encodeURI(`${Bucket}/${keyOf(from)}`);
    try {
      if (bytes <= copiedPartBytesMin) {
        await request((limits) => client.copyObject({ Bucket, Key: keyOf(to), CopySource }, limits), completeMs);
        return true;
      }
      // Without checksums: some servers compute none for copied parts, and then require them.
      await storeParts(to, bytes, { partBytes: copiedPartBytesMin }, async (part, target) => {
        const CopySourceRange = `bytes=${part.from}-${part.to - 1}`;
        const { CopyPartResult = {} } = await request(
          (limits) => client.uploadPartCopy({ ...target, CopySource, CopySourceRange }, limits),
          completeMs,
        );
        return { ETag: CopyPartResult.ETag };
      });
      return true;
    } catch (error) {
      if (isMissingObject(error)) return false;
      throw error;
    }
  }

  async function uploads(prefix: string): Promise<OpenUpload[]> {
    const found: OpenUpload[] = [];
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
    await pages(async () => {
      const page = await request((limits) =>
        client.listMultipartUploads({ Bucket, Prefix: keyOf(prefix), ...marker }, limits),
      );
      for (const { Key, UploadId = '', Initiated } of page.Uploads ?? []) {
        found.push({ key: withoutPrefix(Key), uploadId: UploadId, startedAt: Initiated?.getTime() ?? 0 });
      }
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      return page.IsTruncated === true ? 'next' : undefined;
    });
    return found;
  }

  async function abort({ key, uploadId }: Pick<OpenUpload, 'key' | 'uploadId'>): Promise<void> {
    await request((limits) =>
      client.abortMultipartUpload({ Bucket, Key: keyOf(key), UploadId: uploadId }, limits),
    ).catch((error: unknown) => {
      if (!isMissingObject(error)) throw error;
    });
  }

  return {
    get: (key) => explained(() => get(key)),
    put: (key, text, condition) => explained(() => put(key, text, condition)),
    delete: (key, condition) => explained(() => remove(key, condition)),
    list: (prefix, options) => explained(() => list(prefix, options)),
    folders: (prefix) => explained(() => folders(prefix)),
    upload: (key, path, bytes) => explained(() => upload(key, path, bytes)),
    download: (key, path, bytes) => explained(() => download(key, path, bytes)),
    copy: (from, to, bytes) => explained(() => copy(from, to, bytes)),
    uploads: (prefix) => explained(() => uploads(prefix)),
    abort: (one) => explained(() => abort(one)),
  };
}

interface ByteRange {
  readonly from: number;
  readonly to: number;
}

interface UploadPartTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
  readonly PartNumber: number;
}

interface StoredPart {
  readonly ETag: string | undefined;
  readonly ChecksumSHA256?: string;
}

/** Splits a size into the ranges of its parts. A size of 0 has none. */
function partsOf(bytes: number, partBytes = partBytesMin): ByteRange[] {
  const size = Math.max(partBytes, Math.ceil(bytes / partsMax));
  return Array.from({ length: Math.ceil(bytes / size) }, (_, part) => ({
    from: part * size,
    to: Math.min((part + 1) * size, bytes),
  }));
}

async function readPart(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
  if (bytesRead !== buffer.length) throw new TypeError(`The file has ended ${buffer.length - bytesRead} bytes early.`);
  return buffer;
}

function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64');
}
