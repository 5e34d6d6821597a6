import { createEventClient } from '@facet/client';
import type { EventClient, RecordResult, SendSummary } from '@facet/client';
import { explainPositiveRule } from '@facet/features';
import { readConfirmedCatalog, readConfirmedEvents, ReportBuilder } from '@facet/import';
import type { FileKind, ReadOptions, ReadProgress } from '@facet/import';
import { AppError, isAppError } from '@facet/platform';
import type { Event, Item, User } from '@facet/schemas';
import { addFiles, addNotes, usageError } from '../command.ts';
import type { CommandContext, Register } from '../command.ts';
import { addReading, checkRefusedShare, withSourceFiles } from '../source-files.ts';
import type { FileOptions } from '../source-files.ts';
import { readChosenConfig, showReport } from '../stages.ts';
import { countOf, formatCount } from '../terminal/text.ts';

interface BackfillOptions extends Omit<FileOptions, 'home'> {
  readonly to: string;
}

/** Records that the collector refused. */
interface RemoteRefusal {
  readonly kind: FileKind;
  readonly field: string;
  readonly reason: string;
  count: number;
  /** The id of the first refused record. */
  readonly example: string;
}

/** Bounds the memory: the files are read on only after these records are sent. */
const recordsPerCall = 4_000;

export const registerBackfill: Register = (command, deps) => {
  addNotes(
    addReading(addFiles(command))
      .argument('[files...]', 'files of events, as --events')
      .requiredOption('--to <url>', 'URL of the collector'),
    `Set FACET_API_KEY to a key with the scope ingest, and admin for items and users. Maps columns as facet import does. Sends
no events if more than half of their first 10,000 rows are refused. Events without an id get a stable id, so the command can be repeated:
events already sent are deduplicated.`,
    'facet backfill orders.csv --to http://127.0.0.1:8081',
    'facet backfill --events a.jsonl --items items.csv --to https://events.example.com',
  ).action(
    deps.action<[string[], BackfillOptions]>(async (files, options, context) => {
      const events = [...files, ...(options.events ?? [])];
      if (events.length === 0 && (options.items ?? options.users) === undefined) {
        command.error('error: name the files to send');
      }
      await backfill({ ...options, events }, context);
    }),
  );
};

/** @throws AppError `CLI_COLLECTOR_UNUSABLE`, `EVENTS_MOSTLY_REFUSED`, `EVENTS_NOTHING_USABLE`; those of reading files. */
async function backfill(options: BackfillOptions, context: CommandContext): Promise<void> {
  const { environment, output, progress, signal } = context;
  const key = environment.apiKey;
  if (key === undefined) {
    throw usageError(
      'The collector needs an API key.',
      'Set FACET_API_KEY. Create a key with facet keys create (scope ingest, and admin for items and users).',
    );
  }
  const config = await readChosenConfig(options);
  const { mapping, eventTypes, interactions } = config;
  const stage = progress.stage('backfill', options.to);
  const sender = createSender(createEventClient({ url: options.to, key }), signal);
  const report = new ReportBuilder(Date.now(), explainPositiveRule(interactions.positives));
  const reading: ReadOptions = {
    mapping,
    types: eventTypes,
    now: Date.now,
    signal,
    onProgress: (at: ReadProgress) =>
      stage.update(at.doneBytes / Math.max(1, at.totalBytes), `${at.stage}: ${formatCount(sender.accepted)} accepted`),
  };
  try {
    await withSourceFiles(options, async (files, onRefused) => {
      await checkRefusedShare(files, options, config, signal);
      const { items, users } = await readConfirmedCatalog(files, { ...reading, onRefused }, report);
      await sender.sendItems(items);
      await sender.sendUsers(users);
      await readConfirmedEvents(files, { ...reading, onRefused }, report, (events) => sender.sendEvents(events));
    });
  } catch (error) {
    stage.close();
    // The command may have sent items and users before it refuses the events.
    if (isAppError(error, 'EVENTS_MOSTLY_REFUSED')) showResult(output, options.to, sender, report, { isPartial: true });
    throw isAppError(error) || signal.aborted ? error : unusable(options.to, error);
  }
  stage.done(`${countOf(sender.accepted, 'record')} accepted`);
  showResult(output, options.to, sender, report);
  if (sender.accepted > 0 || sender.duplicates > 0) return;
  throw new AppError('The collector accepted no record of the files.', {
    code: 'EVENTS_NOTHING_USABLE',
    category: 'input',
    remedy: 'Fix the problems above, or map the columns in facet.yaml.',
  });
}

/**
 * Prints the report of the files, the records that the collector refused, and the number of accepted ones. Warnings of a partial read can be
 * untrue, so they are left out.
 */
function showResult(
  output: CommandContext['output'],
  to: string,
  sender: ReturnType<typeof createSender>,
  report: ReportBuilder,
  { isPartial = false } = {},
): void {
  const { accepted, duplicates } = sender;
  const built = report.build();
  showReport(output, built, { withWarnings: !isPartial });
  const refusals = [...sender.refusals.values()];
  for (const { kind, field, reason, count, example } of refusals) {
    output.show(
      `${formatCount(count)} ${kind} refused by the collector: ${field === '' ? '' : `${field}: `}${reason} (first: ${example})`,
    );
  }
  output.show(`${countOf(accepted, 'record')} accepted by ${to}.`);
  output.document({ to, accepted, duplicates, refusals, report: built });
}

const idNames = { events: 'eventId', items: 'itemId', users: 'userId' } as const;

function createSender(client: EventClient, signal: AbortSignal) {
  const refusals = new Map<string, RemoteRefusal>();
  let accepted = 0;
  let duplicates = 0;
  const send = async <Given extends Partial<Record<(typeof idNames)[FileKind], string>>>(
    kind: FileKind,
    records: readonly Given[],
    call: (part: readonly Given[]) => Promise<SendSummary<RecordResult>>,
  ): Promise<void> => {
    for (let start = 0; start < records.length; start += recordsPerCall) {
      const part = records.slice(start, start + recordsPerCall);
      const summary = await call(part);
      accepted += summary.accepted;
      duplicates += summary.duplicates;
      summary.results.forEach(({ status, field = '', reason = '' }, index) => {
        if (status !== 'refused') return;
        const name = JSON.stringify([kind, field, reason]);
        const known = refusals.get(name);
        const example = part[index]![idNames[kind]]!;
        if (known === undefined) refusals.set(name, { kind, field, reason, count: 1, example });
        else known.count++;
      });
    }
  };
  return {
    refusals: refusals as ReadonlyMap<string, RemoteRefusal>,
    get accepted() {
      return accepted;
    },
    get duplicates() {
      return duplicates;
    },
    sendEvents: (events: readonly Event[]) =>
      send('events', events, (part) => client.send(part.map(eventRecord), { signal })),
    sendItems: (items: readonly Item[]) => send('items', items, (part) => client.putItems(part.map(flat), { signal })),
    sendUsers: (users: readonly User[]) => send('users', users, (part) => client.putUsers(part.map(flat), { signal })),
  };
}

/** The collector sets the time of receipt. */
function eventRecord(event: Event) {
  return { ...flat(event), receivedAt: undefined };
}

/** Returns the wire format, with the extra fields next to the fields of the schema. */
function flat<Entity extends { readonly extra?: Readonly<Record<string, unknown>> }>({ extra, ...fields }: Entity) {
  return { ...extra, ...fields };
}

function unusable(url: string, cause: unknown): AppError {
  const { message, remedy = 'Fix the reported problem.' } = cause as Error & { readonly remedy?: string };
  return new AppError(`The collector at ${url} did not accept all records: ${message.replace(/\.$/, '')}.`, {
    code: 'CLI_COLLECTOR_UNUSABLE',
    category: 'unavailable',
    remedy: `${remedy} Then run the command again. Events already sent are deduplicated.`,
    retryable: true,
    cause,
  });
}
