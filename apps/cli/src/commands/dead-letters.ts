import { openKafkaPublisher, readDeadLetters, redriveDeadLetters } from '@facet/kafka';
import type { DeadLetter, FoundDeadLetter, RedriveOutcome } from '@facet/kafka';
import { AppError } from '@facet/platform';
import type { CommandContext } from '../command-context.ts';
import { facet } from '../invocation.ts';
import { withLog } from '../kafka-log.ts';
import type { LogOptions } from '../kafka-log.ts';
import { readConfig } from '../pipeline-context.ts';
import { renderTable } from '../terminal/tables.ts';
import { countOf, formatCount, printable, truncate } from '../terminal/text.ts';

/** Which letters. */
export interface LetterFilter {
  readonly reason?: string[];
  readonly field?: string;
}

export interface ListLettersOptions extends LogOptions, LetterFilter {
  readonly limit: number;
  /** Also those that are in the log again. */
  readonly all?: boolean;
}

export interface RedriveLettersOptions extends LogOptions, LetterFilter {
  readonly limit: number;
  readonly addEventIds?: boolean;
  readonly dryRun?: boolean;
}

const payloadWidth = 48;

/** `facet dead-letters list`: how many for which reason, and the newest of them. */
export async function listLettersCommand(options: ListLettersOptions, context: CommandContext): Promise<void> {
  const { output, signal, terminal } = context;
  await withLog(options, context, async (kafka, { deadLetters: topic }) => {
    const isWanted = filterOf(options);
    const newest: FoundDeadLetter[] = [];
    const counts = new Counts();
    for await (const letter of readDeadLetters(kafka, { topic, signal })) {
      if (!isWanted(letter) || (letter.redrivenAt !== undefined && options.all !== true)) continue;
      counts.add(letter);
      newest.push(letter);
      if (newest.length > options.limit) newest.shift();
    }
    output.document({ total: counts.total, reasons: counts.rows(), letters: newest });
    if (counts.total === 0) {
      output.show(`There are no dead letters${options.all === true ? '' : ' to redrive'} in ${topic}.`);
      return;
    }
    const { style } = terminal;
    const rows = newest.map((letter) => [
      letter.deadLetterId,
      formatTime(letter.failedAt),
      reasonOf(letter),
      letter.redrivenAt === undefined ? '' : formatTime(letter.redrivenAt),
      truncate(printable(payloadText(letter)), payloadWidth),
    ]);
    output.show(
      renderTable(['Dead letter', 'Put aside (UTC)', 'Reason', 'Redriven (UTC)', 'Message'], rows, { style }),
    );
    if (counts.total > newest.length) output.show(`\nThe newest ${formatCount(newest.length)} are shown: --limit.`);
    const reasons = counts.rows().map(({ reason, field, count }) => [formatCount(count), reasonOf({ reason, field })]);
    output.show(`\n${renderTable(['Letters', 'Reason'], reasons, { style, right: [0] })}`);
    output.show(`\nAfter the cause is mended: ${facet} dead-letters redrive`);
  });
}

/** `facet dead-letters show ID`: all of one letter. */
export async function showLetterCommand(id: string, options: LogOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  await withLog(options, context, async (kafka, { deadLetters: topic }) => {
    const letter = await findLetter(readDeadLetters(kafka, { topic, signal }), id);
    if (letter === undefined) {
      throw new AppError(`There is no dead letter ${id} in ${topic}.`, {
        code: 'EVENTS_DEAD_LETTER_UNKNOWN',
        category: 'not-found',
        remedy: `See ${facet} dead-letters list --all.`,
      });
    }
    const { payload, key, encoding, bytes } = letter;
    const size = bytes === undefined ? '' : `, the beginning of ${formatCount(bytes)} bytes`;
    const facts = [
      ['Reason', reasonOf(letter)],
      ['Message', `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`],
      ['Received', formatTime(letter.timestamp)],
      ['Put aside', formatTime(letter.failedAt)],
      ['Redriven', letter.redrivenAt === undefined ? 'no' : formatTime(letter.redrivenAt)],
      ['Key', key === null ? 'none' : printable(key)],
      ['Payload', payload === null ? 'none' : `${encoding}${size}`],
    ];
    for (const [name = '', fact = ''] of facts) output.show(`${name.padEnd(10)} ${fact}`);
    if (payload !== null) output.show(`\n${payload.split('\n').map(printable).join('\n')}`);
    output.document(letter);
  });
}

/** `facet dead-letters redrive [IDS…]`: what is valid by now goes into the log again. */
export async function redriveLettersCommand(
  ids: readonly string[],
  options: RedriveLettersOptions,
  context: CommandContext,
): Promise<void> {
  const { output, signal } = context;
  const { eventTypes } = await readConfig(options);
  const isDryRun = options.dryRun === true;
  await withLog(options, context, async (kafka, names) => {
    const isInFilter = filterOf(options);
    const isWanted = (letter: DeadLetter) =>
      isInFilter(letter) && (ids.length === 0 || ids.includes(letter.deadLetterId));
    const publisher = openKafkaPublisher(kafka);
    const notFound = new Set(ids);
    let redriven = 0;
    const failed = new Counts();
    const failures: object[] = [];
    try {
      for await (const outcome of redriveDeadLetters(
        { kafka, publisher },
        {
          names,
          types: eventTypes,
          addEventIds: options.addEventIds === true,
          isWanted,
          isDryRun,
          now: Date.now,
          signal,
        },
      )) {
        notFound.delete(outcome.letter.deadLetterId);
        if (outcome.failure === undefined) {
          redriven++;
          continue;
        }
        failed.add(outcome.failure);
        if (failures.length < options.limit) failures.push(describeFailure(outcome));
      }
    } finally {
      await publisher.close();
    }
    output.document({
      isDryRun,
      redriven,
      failed: failed.total,
      reasons: failed.rows(),
      failures,
      notFound: [...notFound],
    });
    for (const id of notFound) output.show(`There is no dead letter ${id} that waits to be redriven.`);
    output.show(`${countOf(redriven, 'message')} ${isDryRun ? 'would go' : 'went'} into ${names.events} again.`);
    if (failed.total === 0) return;
    output.show(`${countOf(failed.total, 'letter')} cannot be redriven:`);
    const rows = failed.rows().map(({ reason, field, count }) => [formatCount(count), reasonOf({ reason, field })]);
    output.show(renderTable(['Letters', 'Reason'], rows, { style: context.terminal.style, right: [0] }));
    output.show(adviceFor(failed, options));
  });
}

const adviceOf: Readonly<Record<string, string>> = {
  'unknown-type': 'Declare the type under eventTypes in facet.yaml, and run this again.',
  'not-an-event': 'Items and users are not redriven, as they may have changed since: send them again.',
  'payload-incomplete': 'A message was too large to be kept: send it again in smaller parts.',
};
const generalAdvice = 'Mend the others where they come from, and send them again.';

function adviceFor(failed: Counts, { addEventIds }: RedriveLettersOptions): string {
  const advice = failed.rows().map(({ reason, field }) => {
    const lacksId = field === 'eventId' && reason === 'missing' && addEventIds !== true;
    return lacksId ? 'Events without an eventId: --add-event-ids gives them one.' : (adviceOf[reason] ?? generalAdvice);
  });
  return [...new Set(advice)].sort((a, b) => Number(a === generalAdvice) - Number(b === generalAdvice)).join('\n');
}

function filterOf({ reason, field }: LetterFilter): (letter: DeadLetter) => boolean {
  return (letter) =>
    (reason === undefined || reason.includes(letter.reason)) && (field === undefined || letter.field === field);
}

async function findLetter(letters: AsyncIterable<FoundDeadLetter>, id: string): Promise<FoundDeadLetter | undefined> {
  for await (const letter of letters) if (letter.deadLetterId === id) return letter;
  return undefined;
}

function describeFailure({ letter: { deadLetterId }, failure }: RedriveOutcome): object {
  return { deadLetterId, ...failure };
}

interface Problem {
  readonly reason: string;
  /** Empty for the whole message. */
  readonly field: string;
}

function reasonOf({ reason, field }: Problem): string {
  return field === '' ? reason : `${reason} (${printable(field)})`;
}

function payloadText({ payload, encoding }: DeadLetter): string {
  if (payload === null) return '';
  return encoding === 'utf8' ? payload : `base64: ${payload.slice(0, payloadWidth)}`;
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** How many for which reason. */
class Counts {
  readonly #counts = new Map<string, { count: number } & Problem>();
  total = 0;

  add({ reason, field }: Problem): void {
    const key = JSON.stringify([reason, field]);
    const entry = this.#counts.get(key) ?? { reason, field, count: 0 };
    entry.count++;
    this.total++;
    this.#counts.set(key, entry);
  }

  /** The most frequent first. */
  rows(): readonly ({ readonly count: number } & Problem)[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }
}
