import { randomUUID } from 'node:crypto';
import { IntakeCount } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { logFolder, lakeColumns } from '../layout.ts';
import { isMovedRecord, lakeMoved } from '../storage/moved-lake.ts';
import { checkAction, checkProtocol, fileFactsTag, checkedFile, protocol } from './delta-actions.ts';
import type { Action, MetaData } from './delta-actions.ts';
import { parseJsonWithoutNulls, parserOf } from './parser.ts';
import { UnreadableLogError } from './errors.ts';
import { LakeStateErasure, MaintenanceClaim, updatedIntake, updatedErasures } from './state.ts';
import { OffsetRanges } from './transaction-log.ts';
import type { LakeState, LakeStateFile, LakeChange } from './state.ts';
import type { TransactionInfo } from './transaction-log.ts';

/** A commit of the Delta Lake table. */
export interface LakeTransaction extends TransactionInfo {
  readonly actions: readonly Action[];
}

/**
 * The domains of metadata for which Delta Lake has no action. A newer action of a domain replaces the older one, and checkpoints keep it.
 * Each erasure and each day of intake counts has a domain.
 */
const domains = {
  commit: 'facet.commit',
  claim: 'facet.maintenance',
  erasure: 'facet.erasure.',
  intake: 'facet.intake.',
};

/** Intake counts of this many days are kept. */
const intakeDaysMax = 400;

/** Returns the transaction that creates the table. */
export function createTable(info: TransactionInfo): LakeTransaction {
  const actions = [
    commitInfo(info, 'CREATE TABLE'),
    { protocol },
    { metaData: createMetaData(info.at) },
    commitIdAction(info),
  ];
  return { ...info, actions };
}

function createMetaData(createdTime: number): MetaData {
  const column = (name: string, type: string): object => ({ name, type, nullable: true, metadata: {} });
  const fields = Object.entries({ ...lakeColumns, dt: 'date' }).map(([name, type]) => column(name, type));
  return {
    id: randomUUID(),
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns: ['dt'],
    configuration: {},
    createdTime,
  };
}

export function encodeChange(state: LakeState, change: LakeChange, info: TransactionInfo): LakeTransaction {
  const { version, at } = info;
  const { add = [], remove = [], hashes = [], offsets = {}, intake = [], claim, isCompaction = false } = change;
  const dataChange = !isCompaction;
  const removed = remove.flatMap((path) => state.files.get(path) ?? []);
  const excess = expiredDays(state, intake);
  const counted = [...updatedIntake(state.intake, intake)].filter(([day]) => !excess.includes(day));
  const actions: Action[] = [
    commitInfo(info, operationOf(change)),
    commitIdAction(info),
    ...Object.entries(offsets).map(([appId, { to }]) => ({ txn: { appId, version: to, lastUpdated: at } })),
    ...removed.map(({ path, bytes }) => ({
      remove: { ...checkedFile(path), deletionTimestamp: at, dataChange, extendedFileMetadata: true, size: bytes },
    })),
    ...add.map((file) => encodeFile({ ...file, version, addedAt: at }, dataChange)),
    // By the protocol, a newer `add` of a path replaces the older one. The file keeps its version, on which erasures depend.
    ...hashes.flatMap(({ path, sha256 }) => {
      const file = state.files.get(path);
      return file === undefined ? [] : [encodeFile({ ...file, sha256 }, false)];
    }),
    ...encodeIntake(counted),
    ...excess.map((day) => removeDomainAction(`${domains.intake}${day}`)),
    ...encodeErasures(updatedErasures(state.erasures, change, { version, erasureKey: state.erasureKey })),
  ];
  if (claim === null) actions.push(removeDomainAction(domains.claim));
  else if (claim !== undefined) actions.push(domainAction(domains.claim, claim));
  return { ...info, actions };
}

/** Returns the name of a change in the history of the table. */
function operationOf({ add, remove, erased, isCompaction }: LakeChange): string {
  if (isCompaction === true) return 'OPTIMIZE';
  if (erased !== undefined) return 'DELETE';
  if (remove !== undefined) return 'MERGE';
  return add === undefined ? 'UPDATE METADATA' : 'WRITE';
}

const engineInfo = 'Facet';

function commitInfo({ id, at }: TransactionInfo, operation: string): Action {
  return { commitInfo: { timestamp: at, operation, operationParameters: {}, engineInfo, txnId: id } };
}

function commitIdAction({ id, parent, at }: Pick<TransactionInfo, 'id' | 'parent' | 'at'>): Action {
  return domainAction(domains.commit, { id, parent, at });
}

function domainAction(domain: string, configuration: unknown): Action {
  return { domainMetadata: { domain, configuration: JSON.stringify(configuration), removed: false } };
}

function removeDomainAction(domain: string): Action {
  return { domainMetadata: { domain, configuration: '', removed: true } };
}

function encodeIntake(intake: Iterable<readonly [string, readonly IntakeCount[]]>): Action[] {
  return [...intake].map(([day, counts]) => domainAction(`${domains.intake}${day}`, counts));
}

function encodeErasures(erasures: ReadonlyMap<string, LakeStateErasure>): Action[] {
  return Array.from(erasures.values(), (erasure) => domainAction(`${domains.erasure}${erasure.erasureId}`, erasure));
}

/** Returns the recorded days that are too old to keep once the counts are added. */
function expiredDays({ intake }: LakeState, added: readonly IntakeCount[]): string[] {
  const days = [...new Set([...intake.keys(), ...added.map(({ day }) => day)])].sort();
  return days.slice(0, -intakeDaysMax).filter((day) => intake.has(day));
}

/** The statistics contain no ids of users, because the log remains after an erasure. */
const Stats = Type.Object({
  numRecords: Type.Integer(),
  minValues: Type.Object({ receivedAt: Type.String() }),
  maxValues: Type.Object({ receivedAt: Type.String() }),
  nullCount: Type.Object({ userId: Type.Integer() }),
});
const FileFacts = Type.Object({
  version: Type.Integer(),
  identifies: Type.Integer(),
  sources: OffsetRanges,
  erasedThrough: Type.Optional(Type.Integer()),
  sha256: Type.Optional(Type.String()),
});

function encodeFile(file: LakeStateFile, dataChange: boolean): Action {
  const { path, bytes, rows, receivedFrom, receivedTo, anonymous, addedAt } = file;
  const stats: Static<typeof Stats> = {
    numRecords: rows,
    minValues: { receivedAt: new Date(receivedFrom).toISOString() },
    maxValues: { receivedAt: new Date(receivedTo).toISOString() },
    nullCount: { userId: anonymous },
  };
  return {
    add: {
      ...checkedFile(path),
      size: bytes,
      modificationTime: addedAt,
      dataChange,
      stats: JSON.stringify(stats),
      tags: { [fileFactsTag]: encodeFacts(file) },
    },
  };
}

/** Returns the tag of a file. */
export function encodeFacts({ version, identifies, sources, erasedThrough, sha256 }: LakeStateFile): string {
  return JSON.stringify({ version, identifies, sources, erasedThrough, sha256 });
}

const parseStats = parserOf('the statistics of a file', Stats);
const parseFileFacts = parserOf('the tag of a file', FileFacts);

function decodeFile({ path, size, modificationTime, stats, tags }: NonNullable<Action['add']>): LakeStateFile {
  const { numRecords, minValues, maxValues, nullCount } = parseStats(stats);
  return {
    path,
    bytes: size,
    rows: numRecords,
    receivedFrom: Date.parse(minValues.receivedAt),
    receivedTo: Date.parse(maxValues.receivedAt),
    anonymous: nullCount.userId,
    addedAt: modificationTime,
    ...parseFileFacts(tags[fileFactsTag] ?? 'null'),
  };
}

const parseCommit = parserOf(
  'the commit',
  Type.Object({ id: Type.String(), parent: Type.String(), at: Type.Integer() }),
);
const parseClaim = parserOf('the claim', MaintenanceClaim);
const parseIntake = parserOf('an intake count', Type.Array(IntakeCount));
const parseErasure = parserOf('an erasure', LakeStateErasure);

/** Returns the text of a transaction. */
export function serializeActions(actions: readonly Action[]): string {
  return actions.map((action) => `${JSON.stringify(action)}\n`).join('');
}

/**
 * Parses the transaction with this version.
 *
 * @throws Error that says what is damaged; AppError `EVENTS_LAKE_NOT_CONFIGURED` for a lake that has moved to S3.
 */
export function parseTransaction(text: string, version: number): LakeTransaction {
  if (isMovedRecord(text)) throw lakeMoved();
  const lines = text.split('\n').filter((line) => line !== '');
  const actions = lines.map(parseJsonWithoutNulls);
  // Other programs write actions that the schema refuses, so this check comes first.
  if (actions.some(isOfAnotherProgram)) {
    throw new UnreadableLogError(
      `another program has written version ${version}`,
      `Stop the other program. Delete the files of version ${version} and later and _last_checkpoint from ${logFolder}, or restore ` +
        'the data home from a backup.',
    );
  }
  return transactionOf(actions.map(checkAction), version);
}

function isOfAnotherProgram(action: unknown): boolean {
  const { commitInfo } = (action ?? {}) as { readonly commitInfo?: { readonly engineInfo?: unknown } };
  return commitInfo !== undefined && commitInfo.engineInfo !== engineInfo;
}

/** Returns the actions as the transaction with this version. @throws Error if they contain no transaction id. */
export function transactionOf(actions: readonly Action[], version: number): LakeTransaction {
  const commit = actions.find(({ domainMetadata }) => domainMetadata?.domain === domains.commit)?.domainMetadata;
  if (commit === undefined) throw new Error('the id of the transaction is missing');
  return { version, ...parseCommit(commit.configuration), actions };
}

/** Applies the next transaction, or all actions of a checkpoint, to the state. */
export function applyActions(state: LakeState, { version, id, actions }: LakeTransaction): void {
  for (const { protocol: required, metaData, txn, remove, add, domainMetadata } of actions) {
    if (required !== undefined) checkProtocol(required);
    if (metaData !== undefined) state.metaData = metaData;
    if (txn !== undefined) state.offsets.set(txn.appId, txn.version);
    if (remove !== undefined) {
      state.files.delete(remove.path);
      state.removed.set(remove.path, remove.deletionTimestamp);
    }
    if (add !== undefined) {
      state.files.set(add.path, decodeFile(add));
      state.removed.delete(add.path);
    }
    if (domainMetadata !== undefined) applyDomain(state, domainMetadata);
  }
  state.version = version;
  state.id = id;
}

function applyDomain(
  state: LakeState,
  { domain, configuration, removed }: NonNullable<Action['domainMetadata']>,
): void {
  if (domain === domains.claim) state.claim = removed ? undefined : parseClaim(configuration);
  else if (domain.startsWith(domains.erasure)) {
    const erasure = parseErasure(configuration);
    state.erasures.set(erasure.erasureId, erasure);
  } else if (domain.startsWith(domains.intake)) {
    const day = domain.slice(domains.intake.length);
    if (removed) state.intake.delete(day);
    else state.intake.set(day, parseIntake(configuration));
  } else if (domain !== domains.commit) {
    throw new UnreadableLogError(
      `this release does not know the metadata domain ${domain}`,
      'Upgrade Facet, or remove the program that wrote it.',
    );
  }
}

/** Returns the actions of a checkpoint: they turn the empty state into the given one. */
export function checkpointActions(state: LakeState, now: number): Action[] {
  const { metaData, id, offsets, files, removed, intake, erasures, claim } = state;
  if (metaData === undefined) throw new Error('the lake has no table');
  return [
    { protocol },
    { metaData },
    commitIdAction({ id, parent: '', at: now }),
    ...Array.from(offsets, ([appId, version]) => ({ txn: { appId, version } })),
    ...Array.from(files.values(), (file) => encodeFile(file, false)),
    ...Array.from(removed, ([path, deletionTimestamp]) => ({
      remove: { ...checkedFile(path), deletionTimestamp, dataChange: false },
    })),
    ...encodeIntake(intake),
    ...encodeErasures(erasures),
    ...(claim === undefined ? [] : [domainAction(domains.claim, claim)]),
  ];
}
