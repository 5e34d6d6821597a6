import { findDeadLetter, openKafkaPublisher, redrive, summarizeDeadLetters } from '@facet/kafka';
import type { DeadLetter, RedriveReport } from '@facet/kafka';
import { AppError } from '@facet/platform';
import type { Command } from 'commander';
import { addKafka, addNotes, addSubcommand, facet, parseCount } from '../command.ts';
import type { CommandContext, Register } from '../command.ts';
import { withKafka } from '../kafka-log.ts';
import type { KafkaOptions } from '../kafka-log.ts';
import { readChosenConfig } from '../stages.ts';
import { countOf, formatCount, formatSecond, printable, truncate } from '../terminal/text.ts';

interface DeadLetterFilter {
  readonly reason?: string[];
  readonly field?: string;
}

interface ListOptions extends KafkaOptions, DeadLetterFilter {
  readonly limit: number;
  /** Include dead letters that were redriven. */
  readonly all?: boolean;
}

interface RedriveOptions extends KafkaOptions, DeadLetterFilter {
  readonly limit: number;
  readonly addEventIds?: boolean;
  readonly dryRun?: boolean;
}

const payloadWidth = 48;

export const registerDeadLetters: Register = (command, deps) => {
  const addFilter = (subcommand: Command): Command =>
    addKafka(subcommand)
      .option('--reason <reason...>', 'only these reasons, as the list shows them')
      .option('--field <name>', 'only this field');
  addNotes(
    addFilter(addSubcommand(command, 'list', 'Count dead letters by reason, and show the newest'))
      .option('--limit <number>', 'maximum number of dead letters', parseCount, 20)
      .option('--all', 'include dead letters that were redriven'),
    `The collector moves messages that it cannot process to the topic of dead letters, for example events of an undeclared type. Kafka
keeps them for 90 days.`,
    'facet dead-letters list',
    'facet dead-letters list --reason unknown-type --limit 100 --json',
  ).action(deps.action(list));
  addNotes(
    addKafka(addSubcommand(command, 'show', 'Show one dead letter with its message')).argument(
      '<id>',
      'id, as the list shows it',
    ),
    '',
    'facet dead-letters show facet.events.v1-3-1207',
  ).action(deps.action(show));
  addNotes(
    addFilter(addSubcommand(command, 'redrive', 'Send dead letters that are now valid back to Kafka'))
      .argument('[ids...]', 'only these dead letters')
      .option('--add-event-ids', 'use the dead letter id as the eventId of events without one')
      .option('--dry-run', 'report the result without sending anything')
      .option('--limit <number>', 'maximum number of failures in the JSON document', parseCount, 1000),
    `1. Find the cause:  facet dead-letters list
2. Fix it:          for example, declare the type in facet.yaml and restart the collector
3. Try:             facet dead-letters redrive --dry-run
4. Redrive:         facet dead-letters redrive
Events keep their eventId and time, so an event that is redriven twice counts once. Events that are still invalid remain, with their
reason.`,
    'facet dead-letters redrive --reason unknown-type',
    'facet dead-letters redrive facet.events.v1-3-1207',
  ).action(deps.action(redriveAll));
};

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  await withKafka(options, context, async (kafka, { deadLetters: topic }) => {
    const found = await summarizeDeadLetters(kafka, {
      topic,
      signal,
      reasons: options.reason,
      field: options.field,
      limit: options.limit,
      withRedriven: options.all,
    });
    const { total, reasons: counts, deadLetters: newest } = found;
    output.document(found);
    if (total === 0) {
      output.show(`The topic ${topic} has no dead letters${options.all === true ? '' : ' to redrive'}.`);
      return;
    }
    const rows = newest.map((letter) => [
      letter.deadLetterId,
      formatSecond(letter.failedAt),
      reasonOf(letter),
      letter.redrivenAt === undefined ? '' : formatSecond(letter.redrivenAt),
      truncate(printable(payloadText(letter)), payloadWidth),
    ]);
    output.table(['Dead letter', 'Failed (UTC)', 'Reason', 'Redriven (UTC)', 'Message'], rows);
    if (total > newest.length) {
      output.show(`\nThese are the newest ${formatCount(newest.length)}; use --limit to see more.`);
    }
    output.show('');
    showReasons(counts, output);
    output.show(`\nAfter fixing the cause, run: ${facet} dead-letters redrive`);
  });
}

async function show(id: string, options: KafkaOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  await withKafka(options, context, async (kafka, { deadLetters: topic }) => {
    const letter = await findDeadLetter(kafka, { topic, id, signal });
    if (letter === undefined) throw unknownDeadLetter(topic, id);
    const { payload, key, encoding, bytes } = letter;
    const size = bytes === undefined ? '' : `, the first part of ${formatCount(bytes)} bytes`;
    const facts = [
      ['Reason', reasonOf(letter)],
      ['Message', `${letter.topic}, partition ${letter.partition}, ${offsetsOf(letter)}`],
      ...(letter.problem === undefined ? [] : [['Problem', letter.problem]]),
      ['Received', formatSecond(letter.timestamp)],
      ['Failed', formatSecond(letter.failedAt)],
      ['Redriven', letter.redrivenAt === undefined ? 'no' : formatSecond(letter.redrivenAt)],
      ['Key', key === null ? 'none' : printable(key)],
      ['Payload', payload === null ? 'none' : `${encoding}${size}`],
    ];
    for (const [name = '', fact = ''] of facts) output.show(`${name.padEnd(10)} ${fact}`);
    if (payload !== null) output.show(`\n${payload.split('\n').map(printable).join('\n')}`);
    output.document(letter);
  });
}

/** @throws AppError `EVENTS_DEAD_LETTER_UNKNOWN` for ids without a dead letter to redrive, after the redrive of the others. */
async function redriveAll(ids: readonly string[], options: RedriveOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const { eventTypes } = await readChosenConfig(options);
  const isDryRun = options.dryRun === true;
  await withKafka(options, context, async (kafka, names) => {
    const publisher = openKafkaPublisher(kafka);
    const report = await redrive(
      { kafka, publisher },
      {
        names,
        types: eventTypes,
        addEventIds: options.addEventIds === true,
        ids,
        reasons: options.reason,
        field: options.field,
        isDryRun,
        failuresMax: options.limit,
        now: Date.now,
        signal,
      },
    ).finally(() => publisher.close());
    const { redriven, failed, reasons, notFound } = report;
    output.document({ isDryRun, ...report });
    output.show(
      `${countOf(redriven, 'message')} ${isDryRun ? 'would be' : redriven === 1 ? 'was' : 'were'} sent to ${names.events} again.`,
    );
    if (!report.isComplete) signal.throwIfAborted();
    if (failed > 0) {
      output.show(`${countOf(failed, 'dead letter')} cannot be redriven:`);
      showReasons(reasons, output);
      output.show(adviceFor(reasons, options));
    }
    if (notFound.length > 0) throw unknownDeadLetter(names.deadLetters, `${notFound.join(' or ')} to redrive`);
  });
}

function showReasons(reasons: RedriveReport['reasons'], output: CommandContext['output']): void {
  const rows = reasons.map((each) => [formatCount(each.count), reasonOf(each)]);
  output.table(['Dead letters', 'Reason'], rows, { right: [0] });
}

function unknownDeadLetter(topic: string, which: string): AppError {
  return new AppError(`The topic ${topic} has no dead letter ${which}.`, {
    code: 'EVENTS_DEAD_LETTER_UNKNOWN',
    category: 'not-found',
    remedy: `List the ids with: ${facet} dead-letters list --all.`,
  });
}

const adviceOf: Readonly<Record<string, string>> = {
  undecodable: 'The batch cannot be decoded. Resend its messages in smaller batches, compressed with gzip.',
  'unknown-type': 'Declare the type under eventTypes in facet.yaml, then run this command again.',
  'not-an-event': 'Resend items and users. Facet does not redrive them, because newer versions may exist.',
  'payload-incomplete': 'The message was too large to store. Resend it in smaller parts.',
};
const generalAdvice = 'Fix the other events at their source, and resend them.';

function adviceFor(reasons: RedriveReport['reasons'], { addEventIds }: RedriveOptions): string {
  const advice = reasons.map(({ reason, field }) => {
    const lacksId = field === 'eventId' && reason === 'missing' && addEventIds !== true;
    return lacksId
      ? 'Use --add-event-ids to give an id to events without an eventId.'
      : (adviceOf[reason] ?? generalAdvice);
  });
  return [...new Set(advice)].sort((a, b) => Number(a === generalAdvice) - Number(b === generalAdvice)).join('\n');
}

interface Problem {
  readonly reason: string;
  /** Empty for the whole message. */
  readonly field: string;
}

function reasonOf({ reason, field }: Problem): string {
  return field === '' ? reason : `${reason} (${printable(field)})`;
}

function offsetsOf({ offset, lastOffset }: DeadLetter): string {
  return lastOffset === undefined ? `offset ${offset}` : `offsets ${offset} to ${lastOffset}`;
}

function payloadText({ payload, encoding }: DeadLetter): string {
  if (payload === null) return '';
  return encoding === 'utf8' ? payload : `base64: ${payload.slice(0, payloadWidth)}`;
}
