import { createEventClient } from '@facet/client';
import type { EventClient, RecordResult, SendSummary } from '@facet/client';
import { ReportBuilder, readEventFiles, readItemFiles, readUserFiles } from '@facet/import';
import type { ReadOptions, ReadProgress } from '@facet/import';
import type { Event, Item, User } from '@facet/schemas';
import { AppError, isAppError } from '@facet/platform';
import type { CommandContext } from '../command-context.ts';
import { readConfig } from '../pipeline-context.ts';
import { renderRefusals } from '../terminal/refusals.ts';
import { countOf, formatCount } from '../terminal/text.ts';
import { sourceFiles } from './files.ts';
import type { FileOptions } from './files.ts';

export interface BackfillOptions extends Omit<FileOptions, 'home' | 'events'> {
  readonly events?: readonly string[];
  readonly to: string;
  readonly key?: string;
}

/** What the collector did not take, beside what was left out before it was sent. */
interface RemoteRefusal {
  readonly kind: 'events' | 'items' | 'users';
  readonly field: string;
  readonly reason: string;
  count: number;
  /** The id of the first. */
  readonly example: string;
}

/** Events sent at a time; read on meanwhile would only fill the memory. */
const recordsPerCall = 4_000;

/**
 * `facet backfill --events FILE… --to URL`: history through the same validation as everything else. Killed, it is run
 * again: events have the ids that they had, and count once.
 *
 * @throws AppError `CLI_COLLECTOR_UNUSABLE`, `EVENTS_NOTHING_USABLE`; those of reading files.
 */
export async function backfillCommand(options: BackfillOptions, context: CommandContext): Promise<void> {
  const { environment, output, progress, signal } = context;
  const key = options.key ?? environment.apiKey;
  if (key === undefined) {
    throw new AppError('A key is needed to send events.', {
      code: 'CLI_USAGE',
      category: 'usage',
      remedy:
        'Set FACET_API_KEY, or give --key; facet keys create makes one (scopes ingest, and admin for items and users).',
    });
  }
  const { mapping, eventTypes } = await readConfig(options);
  const stage = progress.stage('backfill', options.to);
  const sender = createSender(createEventClient({ url: options.to, key }), signal);
  const report = new ReportBuilder(Date.now());
  const reading: ReadOptions = {
    mapping,
    types: eventTypes,
    now: Date.now,
    signal,
    onProgress: (at: ReadProgress) =>
      stage.update(at.doneBytes / Math.max(1, at.totalBytes), `${at.stage}: ${formatCount(sender.accepted)} accepted`),
  };
  const files = sourceFiles({ ...options, events: options.events ?? [], home: '' });
  try {
    const items: Item[] = [];
    await readItemFiles(files.items ?? [], reading, report, (item) => items.push(item));
    await sender.sendItems(items);
    const users: User[] = [];
    await readUserFiles(files.users ?? [], reading, report, (user) => users.push(user));
    await sender.sendUsers(users);
    await readEventFiles(files.events, reading, report, (events) => sender.sendEvents(events));
  } catch (error) {
    stage.failed();
    throw isAppError(error) || signal.aborted ? error : unusable(options.to, error);
  }
  stage.done(`${countOf(sender.accepted, 'record')} accepted`);

  const built = report.build();
  const left = renderRefusals(built);
  if (left !== '') output.show(left);
  const refusals = [...sender.refusals.values()];
  for (const { kind, field, reason, count, example } of refusals) {
    output.show(
      `${formatCount(count)} ${kind} refused by the collector: ${field === '' ? '' : `${field}: `}${reason} (the first is ${example})`,
    );
  }
  output.show(`${countOf(sender.accepted, 'record')} accepted by ${options.to}.`);
  output.document({
    to: options.to,
    accepted: sender.accepted,
    duplicates: sender.duplicates,
    refusals,
    report: built,
  });
  if (sender.accepted > 0 || sender.duplicates > 0) return;
  throw new AppError('Nothing of these files was accepted.', {
    code: 'EVENTS_NOTHING_USABLE',
    category: 'input',
    remedy: 'The reasons stand above; correct the files, or map their columns in facet.yaml.',
  });
}

function createSender(client: EventClient, signal: AbortSignal) {
  const refusals = new Map<string, RemoteRefusal>();
  let accepted = 0;
  let duplicates = 0;
  const send = async <Given>(
    kind: RemoteRefusal['kind'],
    records: readonly Given[],
    idOf: (record: Given) => string,
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
        if (known === undefined) refusals.set(name, { kind, field, reason, count: 1, example: idOf(part[index]!) });
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
      send(
        'events',
        events,
        ({ eventId }) => eventId,
        (part) => client.send(part.map(eventRecord), { signal }),
      ),
    sendItems: (items: readonly Item[]) =>
      send(
        'items',
        items,
        ({ itemId }) => itemId,
        (part) => client.putItems(part.map(flat), { signal }),
      ),
    sendUsers: (users: readonly User[]) =>
      send(
        'users',
        users,
        ({ userId }) => userId,
        (part) => client.putUsers(part.map(flat), { signal }),
      ),
  };
}

/** Facet sets the time of receipt itself. */
function eventRecord(event: Event) {
  return { ...flat(event), receivedAt: undefined };
}

/** The wire form: fields that the schema does not name stand beside those that it names. */
function flat<Entity extends { readonly extra?: Readonly<Record<string, unknown>> }>({ extra, ...fields }: Entity) {
  return { ...extra, ...fields };
}

function unusable(url: string, cause: unknown): AppError {
  return new AppError(`The collector at ${url} did not take everything: ${(cause as Error).message}.`, {
    code: 'CLI_COLLECTOR_UNUSABLE',
    category: 'unavailable',
    remedy: 'Mend what it says, and run the same command again: what was sent already counts once.',
    retryable: true,
    cause,
  });
}
