import { applyLiveCatalog, loadDelta, overlayDelta, readBundleInfo, readDeltaInfo } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { homePaths } from '@facet/config/home-paths';
import { findExposure } from '@facet/exposures';
import type { ExposureRecord, SampledResponse } from '@facet/exposures';
import { openLakeSnapshot } from '@facet/lake';
import { AppError, isAppError } from '@facet/platform';
import type { UserProfile } from '@facet/profiles';
import { compareLists, respondWithRecommendations, isSameResponse, renderResponse } from '@facet/recommendations';
import type { ResponseContext, RecommendationsResponse, RecommendationsRequest } from '@facet/recommendations';
import { addHome, addNotes, addSubcommand } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { findArtifact, openStore, withBundle, withView } from '../home.ts';
import { countOf, printable, shortId, truncate } from '../terminal/text.ts';

interface ReplayOptions extends CommonOptions {
  /** Another bundle to compute the response with. */
  readonly bundle?: string;
}

type Sampled = Omit<SampledResponse, 'request' | 'profile'> & {
  readonly request: Pick<ResponseContext, 'settings' | 'overrides'> & { readonly body: RecommendationsRequest };
  readonly profile?: UserProfile;
};

type SampledRecord = ExposureRecord & { readonly sampled: Sampled };

export const registerRecommendations: Register = (command, deps) => {
  addNotes(
    addHome(addSubcommand(command, 'replay', 'Compute a recorded response again; exits with 3 if it differs'), deps)
      .argument('<id>', 'recommendationId of a sampled response')
      .option('--bundle <id>', 'use another bundle, and show which items appear, disappear and move'),
    '',
    'facet recommendations replay e6fae55a-a032-4d86-b75d-c93881a47622',
    'facet recommendations replay e6fae55a-a032-4d86-b75d-c93881a47622 --bundle 71bd02',
  ).action(deps.action(replay));
};

/** @throws AppError those of `findRecord`; `REPLAY_DIFFERS`; `REPLAY_BUNDLE_GONE` for deleted artifacts of the response. */
async function replay(id: string, options: ReplayOptions, context: CommandContext): Promise<void> {
  const { home } = options;
  const record = await findRecord(home, id);
  try {
    if (options.bundle === undefined) await repeat(record, home, context);
    else await compare(record, options.bundle, home, context);
  } catch (error) {
    throw isAppError(error, 'ARTIFACT_NOT_FOUND') && goneOf(record, error) ? bundleGone(record, error) : error;
  }
}

/** Whether the missing artifact belongs to the response rather than to `--bundle`. */
function goneOf({ bundleId, deltaId, sampled }: ExposureRecord, { context }: AppError): boolean {
  return [bundleId, deltaId, sampled?.liveBundleId].includes(context['id'] as string);
}

function bundleGone({ recommendationId }: ExposureRecord, cause: AppError): AppError {
  return new AppError(`The artifacts of response ${recommendationId} were deleted. ${cause.message}`, {
    code: 'REPLAY_BUNDLE_GONE',
    category: 'artifact-missing',
    remedy: 'Raise artifacts.keep in facet.yaml to replay future responses for longer.',
    cause,
  });
}

/** @throws AppError `REPLAY_UNKNOWN`, `REPLAY_NOT_SAMPLED`. */
async function findRecord(home: string, id: string): Promise<SampledRecord> {
  const { exposuresFolder, lakeFolder } = homePaths(home);
  const record = await findExposure(exposuresFolder, id, { erased: await openLakeSnapshot(lakeFolder) });
  if (record === undefined) {
    throw new AppError(`The exposure log ${exposuresFolder} has no response with the id ${printable(id)}.`, {
      code: 'REPLAY_UNKNOWN',
      category: 'not-found',
      remedy: 'Check the id. Responses are kept for exposures.retentionDays; those of erased users are removed.',
    });
  }
  if (record.sampled === undefined) {
    throw new AppError(`The exposure log has only the items of response ${printable(id)}, not its inputs.`, {
      code: 'REPLAY_NOT_SAMPLED',
      category: 'input',
      remedy: 'Raise exposures.sampledShare in facet.yaml to record the inputs of more responses.',
    });
  }
  return record as SampledRecord;
}

/** @throws AppError `REPLAY_DIFFERS`. */
async function repeat(record: SampledRecord, home: string, { output }: CommandContext): Promise<void> {
  const { recommendationId, bundleId, sampled } = record;
  const response = await withOffered(home, bundleId, offeredBy(record), (view) => respondAgain(record, view));
  const text = renderResponse(response);
  const isSameText = text === sampled.response;
  const isSame = isSameText || isSameResponse(text, sampled.response);
  const recorded = JSON.parse(sampled.response) as unknown;
  output.document({ recommendationId, bundleId, isSame, isSameText, response, recorded });
  if (!isSame) {
    throw new AppError(
      `The replay of ${recommendationId} by bundle ${shortId(bundleId)} differs from the recorded response.`,
      {
        code: 'REPLAY_DIFFERS',
        category: 'input',
        remedy: 'Compare both responses with --json. Other versions of Facet may compute other responses.',
      },
    );
  }
  const computed = `${countOf(response.returned, 'item')} by bundle ${bundleId}`;
  output.show(
    isSameText
      ? `The response is the same, byte for byte: ${computed}.`
      : `The response is the same: ${computed}. Only nextCursor is compressed differently, by another version of zlib.`,
  );
}

async function compare(record: SampledRecord, bundle: string, home: string, { output }: CommandContext): Promise<void> {
  const { id } = await findArtifact(openStore(home), bundle, { kinds: ['bundle'], home });
  const wasOffered = offeredBy(record);
  const offered = await withoutPruned(home, wasOffered, id);
  const response = await withOffered(home, id, offered, (view) => respondAgain(record, view));
  const before = (JSON.parse(record.sampled.response) as RecommendationsResponse).items;
  const { items } = compareLists(before, response.items);
  const kept = items.filter(({ was, is }) => was !== null && is !== null).length;
  const rows = items.map(({ itemId, title = '', was, is }) => {
    return [printable(itemId), truncate(printable(title), 40), rankText(was), rankText(is), describeMove(was, is)];
  });
  output.table(['Item', '', record.bundleId.slice(0, 8), shortId(id), ''], rows, { right: [2, 3] });
  output.show(`Both responses contain ${kept} of ${countOf(before.length, 'item')}; source: ${response.source.kind}.`);
  const by = `bundle ${shortId(offered.bundleId)}`;
  if (offered !== wasOffered) {
    output.show(
      `The live bundle or delta of the response was deleted. Available items are those of ${by} at its build.`,
    );
  } else if (id !== offered.bundleId) {
    const delta = offered.deltaId === undefined ? '' : ` with delta ${shortId(offered.deltaId)}`;
    output.show(`Available items are those of ${by}${delta} at the time of the response.`);
  }
  output.document({
    recommendationId: record.recommendationId,
    before: record.bundleId,
    after: id,
    offeredBy: offered,
    kept,
    items,
    response,
  });
}

function respondAgain(
  { recommendationId, arms, sampled }: SampledRecord,
  bundle: BundleView,
): Promise<RecommendationsResponse> {
  const { request, profile, now } = sampled;
  const { source } = JSON.parse(sampled.response) as RecommendationsResponse;
  // A profile that was unavailable then must be unavailable now.
  const isAvailable = source.reason !== 'profiles_unavailable';
  return respondWithRecommendations(request.body, {
    bundle,
    readProfile: async () => ({ profile, isAvailable }),
    settings: request.settings,
    overrides: request.overrides,
    recommendationId,
    now,
    arms,
  });
}

/** The live bundle and delta of a response, which decide the available items. */
interface Offered {
  readonly bundleId: string;
  readonly deltaId?: string;
}

function offeredBy({ bundleId, deltaId, sampled }: SampledRecord): Offered {
  return { bundleId: sampled.liveBundleId ?? bundleId, deltaId };
}

/** Replaces deleted artifacts: a deleted delta by the bundle at its build, a deleted bundle by the other bundle. */
async function withoutPruned(home: string, offered: Offered, otherId: string): Promise<Offered> {
  const store = openStore(home);
  const { bundleId, deltaId } = offered;
  if (!(await exists(readBundleInfo(store, { kind: 'bundle', id: bundleId })))) return { bundleId: otherId };
  if (deltaId === undefined || (await exists(readDeltaInfo(store, { kind: 'delta', id: deltaId })))) return offered;
  return { bundleId };
}

async function exists(reading: Promise<unknown>): Promise<boolean> {
  try {
    await reading;
    return true;
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND')) return false;
    throw error;
  }
}

/** Calls `use` with a bundle whose available items are those of the live bundle, which may be the same. */
async function withOffered<Result>(
  home: string,
  bundleId: string,
  { bundleId: liveId, deltaId }: Offered,
  use: (view: BundleView) => Promise<Result>,
): Promise<Result> {
  const store = openStore(home);
  const overlay = async (bundle: Bundle): Promise<BundleView | undefined> =>
    deltaId === undefined ? undefined : overlayDelta(bundle, await loadDelta(store, { kind: 'delta', id: deltaId }));
  return withView(store, liveId, overlay, (live) =>
    bundleId === live.id
      ? use(live)
      : withBundle(store, bundleId, async (bundle) => use(await applyLiveCatalog(bundle, live))),
  );
}

function rankText(rank: number | null): string {
  return rank === null ? '–' : String(rank);
}

function describeMove(was: number | null, is: number | null): string {
  if (was === null) return 'new';
  if (is === null) return 'gone';
  if (was === is) return '';
  return is < was ? `up ${was - is}` : `down ${is - was}`;
}
