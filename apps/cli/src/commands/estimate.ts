import { resolveModel } from '@facet/config';
import { estimateMemory } from '@facet/pipeline';
import type { ByteEstimate, DataSize, MemoryEstimate } from '@facet/pipeline';
import { estimateIndexes } from '@facet/retrieval';
import type { IndexesEstimate } from '@facet/retrieval';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { readConfig } from '../pipeline-context.ts';
import { renderTable } from '../terminal/tables.ts';
import type { Style, Terminal } from '../terminal/terminal.ts';
import { countOf, formatCount, formatDuration, wrap } from '../terminal/text.ts';

export interface EstimateOptions extends Pick<CommonOptions, 'config'> {
  readonly items: number;
  readonly users?: number;
  readonly events?: number;
  readonly dim?: number;
  readonly interests?: number;
}

/** Where nobody says otherwise. */
const usersPerItem = 2;
const eventsPerUser = 20;

/** `facet estimate`: what a catalog of some size would need, before there is one. */
export async function estimateCommand(
  options: EstimateOptions,
  { output, terminal, progress }: CommandContext,
): Promise<void> {
  const config = await readConfig(options);
  const { model: base, training } = resolveModel(config);
  const model = {
    ...base,
    embeddingDim: options.dim ?? base.embeddingDim,
    interests: options.interests ?? base.interests,
  };
  const { items } = options;
  const users = options.users ?? usersPerItem * items;
  const size = { items, users, events: options.events ?? eventsPerUser * users };

  const stage = progress.stage('estimate', 'building small indexes');
  const indexes = await estimateIndexes({
    items,
    dim: model.embeddingDim + (model.popularityPrior ? 1 : 0),
    interests: model.interests,
    recallMin: config.index.recallMin,
    flatItemsMax: config.index.flatItemsMax,
    onProgress: (share, step) => stage.update(share, step),
  });
  stage.done(`measured on up to ${formatCount(indexes.calibration.scanned)} items`);
  const memory = estimateMemory(size, { model, training }, indexes);

  output.show(
    [
      `${countOf(items, 'item')} of ${countOf(model.embeddingDim, 'value')}, ${countOf(users, 'user')} with ` +
        `${countOf(size.events, 'event')}, ${countOf(model.interests, 'interest')} a user`,
      renderIndexes(indexes, terminal.style),
      renderChoice(indexes, size, terminal),
      renderMemory(memory, terminal.style),
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
    certain: `because ${formatCount(items)} items are at most index.flatItemsMax`,
    likely: 'by a clear margin; the index stage measures it on the real vectors',
    open: 'by a narrow margin: what the index stage measures on the real vectors may decide otherwise',
  }[certainty];
  return wrap(`index.kind auto takes ${chosen}, ${how}.`, width);
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
    row('a run, disk', disk),
  ];
  return renderTable(['For', 'Needs', 'Of which'], rows, { style, right: [1] });
}

function renderRule({ calibration }: IndexesEstimate, { train }: MemoryEstimate): string {
  const sizes = calibration.sizes.map(formatCount).join(', ');
  const softmax = train.parts.find(({ name }) => name.startsWith('full softmax'));
  const isMostSoftmax = softmax !== undefined && softmax.bytes > train.bytes / 2;
  return (
    `Times are of one core. Indexes of ${sizes} items were built in ${formatDuration(1000 * calibration.seconds)} and ` +
    `followed by power laws, a scan from ${formatCount(calibration.scanned)} items in proportion; memory and disk are computed. ` +
    'While serving takes up a new bundle it holds two.' +
    (isMostSoftmax
      ? ' Most of the memory of the training is its full softmax: a smaller training.batchSize takes less, and so does ' +
        'a number for model.negatives, such as 2048.'
      : '')
  );
}

/** `532 MB`, `4.1 GB`: decimal, two or three digits. */
function formatBytes(bytes: number): string {
  const [unit, name] = bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  const value = bytes / unit;
  return `${value >= 10 ? formatCount(Math.round(value)) : value.toFixed(1)} ${name}`;
}
