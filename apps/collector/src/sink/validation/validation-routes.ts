import { createWriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { compileValidator, problemError, problemResponses, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import type { ValidationReport } from '@facet/import';
import { AppError, createTemporaryFolder, isAppError } from '@facet/platform';
import { Type } from 'typebox';
import { kinds, validateFile } from './validate-file.ts';
import type { ValidationRules } from './validate-file.ts';
import { Validation } from './validation-schema.ts';

/** Larger files are for `facet validate`, which needs no upload. */
const fileBytesMax = 64 << 20;
/** Time for the upload and the validation of a file. */
export const validationTimeoutMs = 300_000;
/** The longest file name that Linux accepts. */
const fileNameBytesMax = 255;
/** Files on the disk: uploads and the file that is validated. */
const filesMax = 4;
/** Most validations take a few seconds. */
const retryAfterSeconds = 5;

const Query = Type.Object({
  name: Type.String({
    minLength: 1,
    maxLength: 255,
    description: 'The name of the file, whose extension implies the format.',
    examples: ['orders.csv'],
  }),
  kind: Type.Optional(Type.Enum([...kinds], { description: 'What the rows are. Default: events.' })),
});

/** Adds `POST /v1/validations`, which reports what an import of a file would read, and stores nothing. */
export async function addValidationRoutes(
  app: HttpApp,
  { mapping, eventTypes, positives }: ValidationRules,
): Promise<void> {
  const load: Load = { files: 0, isValidating: false };
  await app.register(async (bare) => {
    const context = bare as unknown as HttpApp;
    context.removeAllContentTypeParsers();
    context.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
    context.post(
      '/v1/validations',
      {
        config: { scope: 'read' },
        handlerTimeout: validationTimeoutMs,
        // The body is a stream.
        validatorCompiler: (route) => (route.httpPart === 'body' ? () => true : compileValidator(route as never)),
        schema: {
          operationId: 'validateFile',
          summary: 'Report what an import of a file would read',
          description:
            'Reads CSV, TSV, JSON Lines, RecBole and Parquet, with gzip or without, up to 64 MiB, 512 MiB of decompressed data and ' +
            '5 million rows. Validates one file at a time. Stores nothing.',
          tags: ['data'],
          querystring: Query,
          body: {
            content: {
              'application/octet-stream': {
                schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary', description: 'The file.' }),
              },
            },
          },
          response: { 200: Validation, ...problemResponses },
        },
      },
      async ({ query, body, headers }, reply) => {
        const { name, kind = 'events' } = query;
        const fileName = fileNameOf(name);
        if (Number(headers['content-length'] ?? 0) > fileBytesMax) throw tooLarge();
        if (load.isValidating || load.files >= filesMax) throw busy();
        load.files++;
        const bytes = body instanceof Readable ? body : Readable.from([]);
        try {
          const order = { fileName, kind, mapping, eventTypes, positives };
          return await validateUpload(bytes, order, { load, signal: responseSignal(reply) });
        } finally {
          load.files--;
        }
      },
    );
  });
}

interface Load {
  files: number;
  isValidating: boolean;
}

type UploadOrder = ValidationRules & { readonly fileName: string; readonly kind: (typeof kinds)[number] };

async function validateUpload(
  bytes: Readable,
  { fileName, ...order }: UploadOrder,
  { load, signal }: { readonly load: Load; readonly signal: AbortSignal },
): Promise<ValidationReport> {
  const temporary = await createTemporaryFolder('validate');
  const folder = temporary.path;
  try {
    const path = join(folder, fileName);
    await pipeline(bytes, limitBytes(fileBytesMax), createWriteStream(path), { signal });
    // Only now, so that a slow upload delays no other file.
    if (load.isValidating) throw busy();
    load.isValidating = true;
    try {
      return withoutFolder(await validateFile({ ...order, folder, path }, signal));
    } finally {
      load.isValidating = false;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error, folder);
  } finally {
    await temporary.remove();
  }
}

function fileNameOf(name: string): string {
  const fileName = basename(name);
  const isUsable = !['', '.', '..'].includes(fileName) && !fileName.includes('\0');
  if (isUsable && Buffer.byteLength(fileName) <= fileNameBytesMax) return fileName;
  throw problemError('REQUEST_INVALID', `name is not a file name of up to ${fileNameBytesMax} bytes.`, {
    field: 'name',
    remedy: 'Send the name of the file with its extension, such as orders.csv.',
  });
}

function limitBytes(bytesMax: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= bytesMax) done(null, chunk);
      else done(tooLarge());
    },
  });
}

function busy(): AppError {
  return problemError('OVERLOADED', 'Another file is being validated.', { retryAfterSeconds });
}

function tooLarge(): AppError {
  return problemError('BODY_TOO_LARGE', `The file exceeds ${fileBytesMax >> 20} MiB.`, {
    remedy: 'Validate a part of the file, or run facet validate, which reads files of any size.',
  });
}

function withoutFolder({ files, ...report }: ValidationReport): ValidationReport {
  return { ...report, files: files.map((file) => ({ ...file, path: basename(file.path) })) };
}

/** Names the file as the caller does. */
function explained(error: unknown, folder: string): unknown {
  if (!isAppError(error)) return error;
  const { code, category, remedy, retryable, context } = error;
  const shorten = (text: string): string => text.replaceAll(`${folder}/`, '');
  return new AppError(shorten(error.message), {
    code,
    category,
    retryable,
    remedy: remedy === undefined ? undefined : shorten(remedy),
    context,
    cause: error,
  });
}
