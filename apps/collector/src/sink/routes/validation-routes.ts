import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { compileValidator, problemError, problemResponses } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { validateFiles } from '@facet/import';
import type { ValidationReport } from '@facet/import';
import type { ColumnMapping } from '@facet/import/mapping';
import { AppError, isAppError } from '@facet/platform';
import { Type } from 'typebox';
import { Validation } from './validation-schema.ts';

export interface ValidationDeps {
  /** Section `mapping` of facet.yaml. */
  readonly mapping: ColumnMapping | undefined;
  /** Event types that `facet.yaml` declares. */
  readonly eventTypes: readonly string[];
}

/** Larger files are for `facet validate`, which needs no upload. */
const fileBytesMax = 64 << 20;
const handlerTimeoutMs = 300_000;
const kinds = ['events', 'items', 'users'] as const;

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
export async function addValidationRoutes(app: HttpApp, { mapping, eventTypes }: ValidationDeps): Promise<void> {
  let isBusy = false;
  await app.register(async (bare) => {
    const context = bare as unknown as HttpApp;
    context.removeAllContentTypeParsers();
    context.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
    context.post(
      '/v1/validations',
      {
        config: { scope: 'read' },
        handlerTimeout: handlerTimeoutMs,
        // The body is a stream.
        validatorCompiler: (route) => (route.httpPart === 'body' ? () => true : compileValidator(route as never)),
        schema: {
          operationId: 'validateFile',
          summary: 'Report what an import of a file would read',
          description:
            'Reads CSV, TSV, JSON Lines, RecBole and Parquet, with gzip or without, up to 64 MiB. Stores nothing.',
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
      async ({ query, body }) => {
        if (isBusy) throw problemError('OVERLOADED', 'Another file is being validated.');
        isBusy = true;
        const { name, kind = 'events' } = query;
        const folder = await mkdtemp(join(tmpdir(), 'facet-validate-'));
        try {
          const path = join(folder, basename(name));
          if (body instanceof Readable) await pipeline(body, limitBytes(fileBytesMax), createWriteStream(path));
          else await pipeline(Readable.from([]), createWriteStream(path));
          const files = { events: [], [kind]: [path] };
          return withoutFolder(await validateFiles(files, { mapping, types: eventTypes }));
        } catch (error) {
          throw explained(error, folder);
        } finally {
          isBusy = false;
          await rm(folder, { recursive: true, force: true });
        }
      },
    );
  });
}

function limitBytes(bytesMax: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= bytesMax) done(null, chunk);
      else {
        done(problemError('BODY_TOO_LARGE', `The file exceeds ${bytesMax} bytes.`, { remedy: 'Use facet validate.' }));
      }
    },
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
