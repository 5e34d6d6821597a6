import { loadBundle, loadDelta, applyLiveCatalog, overlayDelta, readBundleInfo, readDeltaInfo } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { listErasures } from '@facet/lake';
import { findExposure } from '@facet/exposures';
import type { ExposureRecord, SampledResponse } from '@facet/exposures';
import { AppError, isAppError } from '@facet/platform';
import type { UserProfile } from '@facet/profiles';
import { respondWithRecommendations, isSameResponse, renderResponse } from '@facet/recommendations';
import type { ResponseContext, RecommendationsResponse, RecommendationsRequest } from '@facet/recommendations';
import { findArtifact } from '../bundles/find-artifact.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome, openStore } from '../home.ts';
import type { Home } from '../home.ts';
import { renderTable } from '../terminal/tables.ts';
import { countOf, printable, shortId, truncate } from '../terminal/text.ts';

export interface ReplayOptions extends CommonOptions {
  /** Answers with another bundle instead, and shows what differs. */
  readonly bundle?: string;
}

type Sampled = Omit<SampledResponse, 'request' | 'profile'> & {
  readonly request: Pick<ResponseContext, 'settings' | 'overrides'> & { readonly body: RecommendationsRequest };
  readonly profile?: UserProfile;
};

/**
 * `facet recommendations replay ID`: makes an answer again, by its own bundle or by another one.
 *
 * @throws AppError those of `findRecord`; `REPLAY_DIFFERS`; `REPLAY_BUNDLE_GONE` when what gave the answer was pruned.
 */
export async function replayCommand(id: string, options: ReplayOptions, context: CommandContext): Promise<void> {
  const home = openHome(options.home);
  const record = await findRecord(home, id);
  try {
    if (options.bundle === undefined) await repeat(record, home, context);
    else await compare(record, options.bundle, home, context, options);
  } catch (error) {
    throw isAppError(error, 'ARTIFACT_NOT_FOUND') && goneOf(record, error) ? bundleGone(record, error) : error;
  }
}

/** Whether it is an artifact of the answer that is not there; `--bundle` may name one as well. */
function goneOf({ bundleId, deltaId, sampled }: ExposureRecord, { context }: AppError): boolean {
  return [bundleId, deltaId, sampled?.liveBundleId].includes(context['id'] as string);
}

function bundleGone({ recommendationId }: ExposureRecord, cause: AppError): AppError {
  return new AppError(`What gave the answer ${recommendationId} is not there any more. ${cause.message}`, {
    code: 'REPLAY_BUNDLE_GONE',
    category: 'artifact-missing',
    remedy: 'So that answers to come can be made again for longer, raise artifacts.keep in facet.yaml.',
    cause,
  });
}

/** @throws AppError `REPLAY_UNKNOWN`, `REPLAY_NOT_SAMPLED`. */
async function findRecord(home: Home, id: string): Promise<ExposureRecord & { readonly sampled: Sampled }> {
  const record = await findExposure(home.exposuresFolder, id, { erasures: await listErasures(home.lakeFolder) });
  if (record === undefined) {
    throw new AppError(`No answer with the id ${printable(id)} is recorded in ${home.exposuresFolder}.`, {
      code: 'REPLAY_UNKNOWN',
      category: 'not-found',
      remedy: 'Check the id. Answers are kept for exposures.retentionDays, and those of erased users are gone.',
    });
  }
  if (record.sampled === undefined) {
    throw new AppError(
      `Of the answer ${printable(id)} only the items are recorded, not what it takes to make it again.`,
      {
        code: 'REPLAY_NOT_SAMPLED',
        category: 'input',
        remedy: 'Raise exposures.sampledShare in facet.yaml to record more of the answers to come.',
      },
    );
  }
  return record as ExposureRecord & { readonly sampled: Sampled };
}

/** @throws AppError `REPLAY_DIFFERS`. */
async function repeat(
  record: ExposureRecord & { readonly sampled: Sampled },
  home: Home,
  { output }: CommandContext,
): Promise<void> {
  const { recommendationId, bundleId, sampled } = record;
  const answer = await withView(home, bundleId, offeredBy(record), (view) => answerAgain(record, view));
  const text = renderResponse(answer);
  const isSameText = text === sampled.answer;
  const isSame = isSameText || isSameResponse(text, sampled.answer);
  const recorded = JSON.parse(sampled.answer) as unknown;
  output.document({ recommendationId, bundleId, isSame, isSameText, answer, recorded });
  if (!isSame) {
    throw new AppError(`The replay of ${recommendationId} by bundle ${shortId(bundleId)} is another answer.`, {
      code: 'REPLAY_DIFFERS',
      category: 'input',
      remedy: 'Look at both with --json. Another version of Facet may compute otherwise.',
    });
  }
  const answered = `${countOf(answer.returned, 'item')} by bundle ${bundleId}`;
  output.show(
    isSameText
      ? `The same answer, byte for byte: ${answered}.`
      : `The same answer: ${answered}. Only nextCursor is packed otherwise, as another zlib does; what it holds is the same.`,
  );
}

async function compare(
  record: ExposureRecord & { readonly sampled: Sampled },
  bundle: string,
  home: Home,
  { output, terminal }: CommandContext,
  options: CommonOptions,
): Promise<void> {
  const { id } = await findArtifact(openStore(home), bundle, { kinds: ['bundle'], home: options.home });
  const wasOffered = offeredBy(record);
  const offered = await whatIsLeft(home, wasOffered, id);
  const answer = await withView(home, id, offered, (view) => answerAgain(record, view));
  const before = (JSON.parse(record.sampled.answer) as RecommendationsResponse).items;
  const items = compareItems(before, answer.items);
  const kept = items.filter(({ was, is }) => was !== null && is !== null).length;
  output.show(
    renderTable(
      ['Item', '', record.bundleId.slice(0, 8), shortId(id), ''],
      items.map(({ itemId, title, was, is }) => [
        printable(itemId),
        truncate(printable(title ?? ''), 40),
        placeOf(was),
        placeOf(is),
        describeMove(was, is),
      ]),
      { style: terminal.style, right: [2, 3] },
    ),
  );
  output.show(`${kept} of ${countOf(before.length, 'item')} are in both; source ${answer.source.kind}.`);
  const by = `bundle ${shortId(offered.bundleId)}`;
  if (offered !== wasOffered) {
    output.show(`What was live when the answer was made is pruned: it offers what ${by} offered when it was built.`);
  } else if (id !== offered.bundleId) {
    const delta = offered.deltaId === undefined ? '' : ` with delta ${shortId(offered.deltaId)}`;
    output.show(`It offers what ${by}${delta} offered when the answer was made.`);
  }
  output.document({
    recommendationId: record.recommendationId,
    before: record.bundleId,
    after: id,
    offeredBy: offered,
    kept,
    items,
    answer,
  });
}

function answerAgain(
  { recommendationId, arms, sampled }: ExposureRecord & { readonly sampled: Sampled },
  bundle: BundleView,
): Promise<RecommendationsResponse> {
  const { request, profile, now } = sampled;
  const { source } = JSON.parse(sampled.answer) as RecommendationsResponse;
  // What could not be read then is not read now either.
  const isAvailable = source.reason !== 'profiles_unavailable';
  return respondWithRecommendations(request.body, {
    bundle,
    readProfile: async () => ({ profile, isAvailable }),
    settings: request.settings,
    ...(request.overrides === undefined ? {} : { overrides: request.overrides }),
    recommendationId,
    now,
    arms,
  });
}

/** What was live when an answer was made: it says which items were offered. */
interface Offered {
  readonly bundleId: string;
  readonly deltaId?: string;
}

function offeredBy({ bundleId, deltaId, sampled }: ExposureRecord & { readonly sampled: Sampled }): Offered {
  return { bundleId: sampled.liveBundleId ?? bundleId, ...(deltaId === undefined ? {} : { deltaId }) };
}

/** What of it is not pruned: without the delta the bundle as it was built, without that the other one. */
async function whatIsLeft(home: Home, offered: Offered, otherId: string): Promise<Offered> {
  const store = openStore(home);
  const { bundleId, deltaId } = offered;
  if (!(await isThere(readBundleInfo(store, { kind: 'bundle', id: bundleId })))) return { bundleId: otherId };
  if (deltaId === undefined || (await isThere(readDeltaInfo(store, { kind: 'delta', id: deltaId })))) return offered;
  return { bundleId };
}

async function isThere(reading: Promise<unknown>): Promise<boolean> {
  try {
    await reading;
    return true;
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND')) return false;
    throw error;
  }
}

/** Gives a bundle as it answers beside what was live, which may be itself. */
async function withView<Result>(
  home: Home,
  bundleId: string,
  offered: Offered,
  use: (view: BundleView) => Promise<Result>,
): Promise<Result> {
  const store = openStore(home);
  const opened: { close(): void }[] = [];
  const load = async (id: string): Promise<Bundle> => {
    const bundle = await loadBundle(store, { kind: 'bundle', id });
    opened.push(bundle);
    return bundle;
  };
  const withDelta = async (bundle: Bundle): Promise<BundleView> => {
    const { deltaId } = offered;
    if (deltaId === undefined) return bundle;
    const view = await overlayDelta(bundle, await loadDelta(store, { kind: 'delta', id: deltaId }));
    opened.push(view);
    return view;
  };
  try {
    const live = await withDelta(await load(offered.bundleId));
    return await use(bundleId === live.id ? live : await applyLiveCatalog(await load(bundleId), live));
  } finally {
    for (const one of opened.reverse()) one.close();
  }
}

interface ComparedItem {
  readonly itemId: string;
  readonly title?: string;
  /** Places from 1; null where it is not among the items. */
  readonly was: number | null;
  readonly is: number | null;
}

/** The items of both lists, in the order of the second, then those that are only in the first. */
function compareItems(
  before: RecommendationsResponse['items'],
  after: RecommendationsResponse['items'],
): ComparedItem[] {
  const placeBefore = new Map(before.map(({ itemId }, place) => [itemId, place + 1]));
  const idsAfter = new Set(after.map(({ itemId }) => itemId));
  const titled = ({ itemId, title }: RecommendationsResponse['items'][number]) => ({
    itemId,
    ...(title === undefined ? {} : { title }),
  });
  return [
    ...after.map((item, place) => ({ ...titled(item), was: placeBefore.get(item.itemId) ?? null, is: place + 1 })),
    ...before
      .filter(({ itemId }) => !idsAfter.has(itemId))
      .map((item) => ({ ...titled(item), was: placeBefore.get(item.itemId)!, is: null })),
  ];
}

function placeOf(place: number | null): string {
  return place === null ? '–' : String(place);
}

function describeMove(was: number | null, is: number | null): string {
  if (was === null) return 'new';
  if (is === null) return 'gone';
  if (was === is) return '';
  return is < was ? `up ${was - is}` : `down ${is - was}`;
}
