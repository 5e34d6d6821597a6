import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { LakeChange, Transaction } from './transaction.ts';

/** Files of the lake, segments of a catalog, and the files of a catalog of an earlier release, which its first transaction removes. */
const patterns = [
  'dt=\\d{4}-\\d\\d-\\d\\d/[^/\\\\\\0]+\\.parquet',
  '(items|users)/[^/\\\\\\0]+\\.jsonl',
  '(items|items\\.history|users)\\.jsonl',
  '_offsets/[^/\\\\\\0]+\\.json',
];
/** Files are read and deleted by these paths, so none may lead out of the lake. */
const Path = Type.String({ pattern: `^(${patterns.join('|')})$` });
const MapOf = (value: TSchema) => Type.Record(Type.String(), value);
const Ranges = MapOf(Type.Object({ from: Type.Integer(), to: Type.Integer() }));
const File = Type.Object({
  path: Path,
  bytes: Type.Integer(),
  rows: Type.Integer(),
  receivedFrom: Type.Number(),
  receivedTo: Type.Number(),
  anonymous: Type.Integer(),
  identifies: Type.Integer(),
  sources: Ranges,
  erasedThrough: Type.Optional(Type.Integer()),
  segment: Type.Optional(
    Type.Object({
      removals: Type.Integer(),
      order: Type.Optional(Type.Integer()),
      changeIds: Type.Optional(Type.Array(Type.String())),
      compactedBefore: Type.Optional(Type.Number()),
      removalsDroppedThrough: Type.Optional(Type.Integer()),
    }),
  ),
});
const Intake = Type.Object({
  day: Type.String(),
  producer: Type.String(),
  outcome: Type.String(),
  field: Type.String(),
  reason: Type.String(),
  count: Type.Number(),
});
const sessionHashes = Type.Array(Type.String());
const Erasure = Type.Object({
  erasureId: Type.String(),
  userHash: Type.String(),
  sessionHashes,
  isKeyed: Type.Optional(Type.Boolean()),
  requestedAt: Type.Number(),
  requestedBy: Type.String(),
});
const mark = { through: Type.Integer(), rows: Type.Integer(), files: Type.Integer() };
const Claim = Type.Object({ token: Type.String(), host: Type.String(), pid: Type.Integer(), at: Type.Number() });

const change: Record<keyof LakeChange, TSchema> = {
  add: Type.Array(File),
  remove: Type.Array(Path),
  offsets: Ranges,
  intake: Type.Array(Intake),
  erasures: Type.Array(Erasure),
  erased: Type.Array(
    Type.Object({ erasureId: Type.String(), sessionHashes, isKeyed: Type.Optional(Type.Boolean()), ...mark }),
  ),
  reopened: Type.Array(Type.String()),
  deleted: Type.Array(Path),
  claim: Type.Union([Claim, Type.Null()]),
};

const transactions = Compile(
  Type.Intersect([
    Type.Object({ version: Type.Integer(), id: Type.String(), parent: Type.String(), at: Type.Number() }),
    Type.Partial(Type.Object(change)),
  ]),
);

const states = Compile(
  Type.Object({
    version: Type.Integer(),
    id: Type.String(),
    files: Type.Array(Type.Intersect([File, Type.Object({ version: Type.Integer() })])),
    offsets: MapOf(Type.Integer()),
    intake: Type.Array(Intake),
    erasures: Type.Array(
      Type.Intersect([
        Erasure,
        Type.Object({
          version: Type.Integer(),
          recordedVersion: Type.Optional(Type.Integer()),
          done: Type.Optional(Type.Object(mark)),
        }),
      ]),
    ),
    removed: Type.Record(Path, Type.Number(), { additionalProperties: false }),
    claim: Type.Optional(Claim),
  }),
);

/** Parses the transaction with this version. @throws Error that says what is damaged. */
export function parseTransaction(text: string, version: number): Transaction {
  const value: unknown = JSON.parse(text);
  const format = (value as Partial<Transaction> | null)?.format;
  if (format !== 1) throw new Error(`transaction ${version} has format ${String(format)}, expected 1`);
  refuse(transactions, value, `transaction ${version}`);
  const transaction = value as Transaction;
  if (transaction.version === version) return transaction;
  throw new Error(`transaction ${version} has the version ${transaction.version}`);
}

/** Parses a checkpoint. @throws Error that says what is damaged. */
export function parseCheckpoint(text: string): unknown {
  const value: unknown = JSON.parse(text);
  refuse(states, value, 'the checkpoint');
  return value;
}

function refuse(schema: ReturnType<typeof Compile>, value: unknown, name: string): void {
  if (schema.Check(value)) return;
  const [error] = schema.Errors(value);
  throw new Error(`${name} is damaged: ${error?.instancePath ?? ''} ${error?.message ?? ''}`);
}
