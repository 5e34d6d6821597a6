import { resolveModel } from '@facet/config';
import { estimateMemory } from '@facet/stages';
import type { ByteEstimate, DataSize, MemoryEstimate } from '@facet/stages';
import { estimateIndexes } from '@facet/retrieval';
import type { IndexesEstimate } from '@facet/retrieval';
import { addNotes, parseCount } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { readChosenConfig } from '../stages.ts';
import type { Style, Terminal } from '../terminal/terminal.ts';
import { countOf, formatBytes, formatCount, formatDuration, renderTable, wrap } from '../terminal/text.ts';

interface EstimateOptions extends Pick<CommonOptions, 'config'> {
  readonly items: number;
  readonly users?: number;
  readonly events?: number;
  readonly dim?: number;
  readonly interests?: number;
}

/** Defaults of the data size. */
const usersPerItem = 2;
const eventsPerUser = 20;

export const registerEstimate: Register = (command, deps) => {
  addNotes(
    command
      .requiredOption('--items <number>', 'items of the catalog', parseCount)
      .option('--users <number>', `users with behaviors (default: ${usersPerItem} per item)`, parseCount)
      .option('--events <number>', `positive events (default: ${eventsPerUser} per user)`, parseCount)
      .option('--dim <number>', 'embedding dimension (default: model.embeddingDim)', parseCount)
      .option('--interests <number>', 'interests per user (default: model.interests)', parseCount),
    'Builds small indexes for a few seconds and extrapolates the measurements. Writes nothing.',
    'facet estimate --items 1000000',
    'facet estimate --items 200000 --users 3000000 --events 50000000 --json',
  ).action(deps.action(estimate));
};

async function estimate(options: EstimateOptions, { output, terminal, progress }: CommandContext): Promise<void> {
  const config = await readChosenConfig(options);
  const { model: base, training } = resolveModel(config);
  const model = {
    ...base,
    embeddingDim: options.dim ?? base.embeddingDim,
    interests: options.interests ?? base.interests,
  };
  const { items } = options;
  const users = options.users ?? usersPerItem * items;
  const size = { items, users, events: options.events ?? eventsPerUser * users };

  const indexes = await progress.run('estimate', 'building small indexes', async (stage) => {
    const estimated = await estimateIndexes({
      items,
      dim: model.embeddingDim + (model.popularityPrior ? 1 : 0),
      interests: model.interests,
      recallMin: config.index.recallMin,
      onProgress: (share, step) => stage.update(share, step),
    });
    stage.done(`measured on up to ${formatCount(estimated.calibration.scanned)} items`);
    return estimated;
  });
  const memory = estimateMemory(size, { model, training }, indexes);

  output.show(
    [
      `${countOf(items, 'item')} with ${formatCount(model.embeddingDim)} dimensions, ${countOf(users, 'user')} with ` +
        `${countOf(size.events, 'event')}, ${countOf(model.interests, 'interest')} per user`,
      renderIndexes(indexes, terminal.style),
      renderChoice(indexes, size, terminal),
      renderMemory(memory, terminal.style),
      wrap(renderVectors(memory), terminal.width),
      wrap(renderRule(indexes, memory), terminal.width),
    ].join('\n\n'),
  );
  output.document({ ...size, dim: model.embeddingDim, interests: model.interests, ...indexes, memory });
}

function renderIndexes({ kinds, chosen }: IndexesEstimate, style: Style): string {
  const rows = kinds.map(({ kind, buildSeconds, bytes, breadth, latency }) => [
    kind === chosen ? style('bold', kind) : kind,
    formatDuration(1000 * buildSeconds),
    formatBytes(bytes),
    breadth === undefined ? 'all items' : `${kind === 'ivf' ? 'nprobe' : 'efSearch'} ${formatCount(breadth)}`,
    `${latency.p50Ms.toPrecision(2)} ms`,
    `${latency.p99Ms.toPrecision(2)} ms`,
  ]);
  return renderTable(['Index', 'Build', 'Size', 'Searched', 'p50', 'p99'], rows, { style, right: [1, 2, 4, 5] });
}

function renderChoice({ chosen, certainty }: IndexesEstimate, { items }: DataSize, { width }: Terminal): string {
  const how = {
    certain: `because ${formatCount(items)} items need no other`,
    likely: 'by a clear margin; the index stage measures the real vectors',
    open: 'by a narrow margin; the index stage measures the real vectors and may choose another kind',
  }[certainty];
  return wrap(`index.kind: auto chooses ${chosen}, ${how}.`, width);
}

function renderMemory({ train, index, serve, disk }: MemoryEstimate, style: Style): string {
  const row = (name: string, { bytes, parts }: ByteEstimate): string[] => [
    name,
    formatBytes(bytes),
    parts.map((part) => `${part.name} ${formatBytes(part.bytes)}`).join(', '),
  ];
  const rows = [
    row('train, memory', train),
    row('index, memory', index),
    row('serve, memory', serve),
    row('one run, disk', disk),
  ];
  return renderTable(['For', 'Needs', 'Of which'], rows, { style, right: [1] });
}

function renderVectors({ vectors }: MemoryEstimate): string {
  const sizes = vectors.map(({ bitsPerValue, bytes }) => `${formatBytes(bytes)} at ${countOf(bitsPerValue, 'bit')}`);
  return `Item vectors without an index: ${sizes.join(', ')} per value.`;
}

function renderRule({ calibration }: IndexesEstimate, { train }: MemoryEstimate): string {
  const sizes = calibration.sizes.map(formatCount).join(', ');
  const softmax = train.parts.find(({ name }) => name.startsWith('full softmax'));
  const isMostSoftmax = softmax !== undefined && softmax.bytes > train.bytes / 2;
  return (
    `Times are for one core. They extrapolate indexes of ${sizes} items, built in ` +
    `${formatDuration(1000 * calibration.seconds)}, by power laws, and a scan of ${formatCount(calibration.scanned)} items in proportion. ` +
    'Memory and disk are computed. Serving needs memory for two bundles while it loads a new one.' +
    (isMostSoftmax
      ? ' The full softmax needs most of the training memory. To reduce it, lower training.batchSize or set ' +
        'model.negatives to a number such as 2048.'
      : '')
  );
}
