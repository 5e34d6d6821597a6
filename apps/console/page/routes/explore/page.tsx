import { useQuery } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { pages, readTexts } from '../../../src/pages.ts';
import { exampleUsersQuery } from '../../api/queries.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { countOf, formatCount } from '../../parts/format.tsx';
import { findChanges } from '../../parts/list-changes.tsx';
import { Page } from '../../parts/page.tsx';
import { SearchBox } from '../../parts/search-box.tsx';
import { Failure, Loading, QueryView } from '../../parts/states.tsx';
import { usePageSearch, withoutScroll } from '../../parts/use-page-search.ts';
import { Behaviors, listBehaviors } from './behaviors.tsx';
import { Controls } from './controls.tsx';
import './explore.css';
import { Chip } from './filters.tsx';
import { catalogQuery, interestsQuery, recommendationsQuery, storedUserQuery, usersQuery } from './queries.ts';
import { Interests, Recommendations } from './results.tsx';
import { baselineOf, curlOf, exploreSearchOf, hasUser, isMissing, labelInterests, recommendationsOf } from './view.ts';
import type { ExploreSearch, View } from './view.ts';

/** A user's behaviors, interests and recommendations, with the reason for each item. */
export function Content() {
  const [parameters, change] = usePageSearch('explore', withoutScroll);
  const search = useMemo(() => exploreSearchOf(parameters), [parameters]);
  return (
    <Page
      name="explore"
      actions={
        <>
          <CopyButton text={() => location.href}>Copy link</CopyButton>
          <CopyButton text={() => curlOf('/v1/recommendations', recommendationsOf(search))}>Copy as curl</CopyButton>
        </>
      }
    >
      <UserBar search={search} onChange={change} />
      {hasUser(search) ? <ExploredUser search={search} onChange={change} /> : <FirstUser onChange={change} />}
    </Page>
  );
}

/** Everything about one user or history. */
function ExploredUser({ search, onChange }: Pick<View, 'search' | 'onChange'>) {
  const titles = useRef(new Map<string, string>());
  const catalog = useQuery(catalogQuery);
  const user = useQuery(storedUserQuery(search));
  const interests = useQuery(interestsQuery(search));
  const recommendations = useQuery(recommendationsQuery(search));
  const baseline = baselineOf(search);
  const before = useQuery({ ...recommendationsQuery(baseline ?? search), enabled: baseline !== undefined });

  const described = interests.data;
  const rows = useMemo(
    () => listBehaviors({ search, user: user.data, coupling: described?.coupling, titles: titles.current }),
    [search, user.data, described],
  );
  const list = recommendations.data?.items;
  const listBefore = baseline === undefined || before.isPlaceholderData ? undefined : before.data?.items;
  const changes = useMemo(() => findChanges(list ?? [], listBefore), [list, listBefore]);
  const labels = useMemo(() => labelInterests(described?.interests ?? []), [described]);
  const view: View = { search, labels, onChange };
  const found = useMemo(() => countByInterest(list ?? []), [list]);

  const add = (item: { readonly itemId: string; readonly title?: string }): void => {
    if (item.title !== undefined) titles.current.set(item.itemId, item.title);
    const others = (search.with ?? []).filter((itemId) => itemId !== item.itemId);
    onChange({ with: [...others, item.itemId], build: undefined });
  };
  const titleOf = (itemId: string): string =>
    rows.find((row) => row.itemId === itemId)?.title ?? titles.current.get(itemId) ?? itemId;
  const isEmptyHistory = search.user === undefined && search.with === undefined;

  return (
    <>
      {isMissing(user.error) ? <p className="banner">{user.error?.message} The list has popular items.</p> : null}
      <WhatIf
        search={search}
        titleOf={titleOf}
        effect={
          listBefore === undefined || recommendations.isPlaceholderData
            ? undefined
            : { entered: changes.entered, left: changes.left.length }
        }
        onChange={onChange}
      />
      <Controls
        search={search}
        catalog={catalog.data}
        interestCount={described?.interestCount ?? 0}
        onChange={onChange}
      />
      <div className="explore-columns">
        <QueryView query={interests} what="Loading interests">
          {(data) => (
            <div className="stack explore-user">
              <Behaviors
                {...view}
                user={user}
                rows={rows}
                interests={data.interests}
                similarity={data.coupling?.similarity}
                sequenceLength={catalog.data?.sequenceLength}
                isStale={interests.isPlaceholderData}
                onAdd={add}
              />
              {isEmptyHistory ? null : (
                <Interests
                  {...view}
                  interests={data.interests}
                  source={data.source}
                  found={found}
                  isStale={interests.isPlaceholderData}
                />
              )}
            </div>
          )}
        </QueryView>
        <QueryView query={recommendations} what="Loading recommendations">
          {(response) => (
            <Recommendations
              {...view}
              response={response}
              changes={changes}
              isStale={recommendations.isPlaceholderData}
              onAdd={add}
            />
          )}
        </QueryView>
      </div>
    </>
  );
}

function countByInterest(items: readonly { readonly interest?: number }[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const { interest } of items) {
    if (interest !== undefined) found.set(interest, (found.get(interest) ?? 0) + 1);
  }
  return found;
}

/** Shows the first example, or an empty history if there is none. */
function FirstUser({ onChange }: Pick<View, 'onChange'>) {
  const { data, error, refetch } = useQuery(exampleUsersQuery);
  const router = useRouter();
  useEffect(() => {
    // The person may have chosen another page, which still loads.
    if (router.latestLocation.pathname !== pages.explore.path || data === undefined) return;
    const [example] = data.users;
    onChange(example === undefined ? { build: true } : { user: example.userId }, { replace: true });
  }, [data, onChange, router]);
  if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
  return <Loading what="Loading users with distinct interests" />;
}

/** The users that `npm start` prints. */
const examplesShown = 3;

const noChanges = { with: undefined, without: undefined, focus: undefined, build: undefined } as const;

/** Chooses the user: by id, an example, by chance, or a history that is built item by item. */
function UserBar({ search, onChange }: Pick<View, 'search' | 'onChange'>) {
  const isChosen = hasUser(search);
  const { data: user } = useQuery(storedUserQuery(search));
  const { data: interests } = useQuery({ ...interestsQuery(search), enabled: isChosen });
  const { data: examples } = useQuery(exampleUsersQuery);
  const { data: anyone = [] } = useQuery({ ...usersQuery(''), enabled: examples?.users.length === 0 });
  const choose = (userId: string): void => onChange({ ...noChanges, user: userId });
  const surprise = (): void => {
    const others = [...(examples?.users ?? []), ...anyone].filter(({ userId }) => userId !== search.user);
    const chosen = others[Math.floor(Math.random() * others.length)];
    if (chosen !== undefined) choose(chosen.userId);
  };
  const isHistory = search.user === undefined && (search.with !== undefined || search.build === true);
  return (
    <section className="card user-bar" aria-label="User">
      <div className="row">
        <SearchBox
          label="Find a user by id"
          emptyText="No listed user has an id that starts like this. The whole id finds every user."
          search={usersQuery}
          keyOf={({ userId }) => userId}
          nameOf={({ userId }) => userId}
          noteOf={({ behaviors }) => `${formatCount(behaviors)} behaviors`}
          onPick={({ userId }) => choose(userId)}
        />
        {(examples?.users ?? []).slice(0, examplesShown).map(({ userId, interests }) => (
          <button
            key={userId}
            type="button"
            className="button"
            aria-pressed={userId === search.user}
            title={`An example with ${interests} distinct interests`}
            onClick={() => choose(userId)}
          >
            {userId}
          </button>
        ))}
        <button type="button" className="button" disabled={examples === undefined} onClick={surprise}>
          Surprise me
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={isHistory}
          onClick={() => onChange({ ...noChanges, user: undefined, build: true })}
        >
          Build a history
        </button>
      </div>
      <div className="row user-facts">
        <h2>{describeUser(search, isHistory)}</h2>
        {user === undefined
          ? null
          : Object.entries(user.attributes).map(([name, value]) => (
              <span key={name} className="badge">
                {name} {String(value)}
              </span>
            ))}
        {user === undefined ? null : <span className="badge">{countOf(user.behaviorCount, 'behavior')}</span>}
        {interests === undefined || !isChosen ? null : (
          <span className="badge accent">{countOf(interests.interestCount, 'interest')}</span>
        )}
      </div>
    </section>
  );
}

function describeUser({ user, with: added = [] }: ExploreSearch, isHistory: boolean): string {
  if (user !== undefined) return `User ${user}`;
  if (!isHistory) return 'Choosing a user…';
  return added.length === 0 ? 'A new history: search items and add them' : 'Your history';
}

interface WhatIfProps extends Pick<View, 'search' | 'onChange'> {
  readonly titleOf: (itemId: string) => string;
  /** The numbers of items that entered and left the list; undefined while the lists load. */
  readonly effect: { readonly entered: number; readonly left: number } | undefined;
}

/** Lists the added and ignored behaviors of a user, and their effect on the list. */
function WhatIf({ search, titleOf, effect, onChange }: WhatIfProps) {
  const { user, with: added = [], without = [] } = search;
  if (user === undefined || added.length + without.length === 0) return null;
  return (
    <section className="card what-if" aria-label="What if">
      <div className="row">
        <h2>What if</h2>
        {added.map((itemId, position) => (
          <Chip
            key={`with ${itemId} ${position}`}
            text={`+ ${titleOf(itemId)}`}
            label={`Undo adding ${titleOf(itemId)}`}
            onRemove={() => onChange({ with: readTexts(added.filter((_, at) => at !== position)) })}
          />
        ))}
        {without.map((itemId) => (
          <Chip
            key={`without ${itemId}`}
            text={`− ${titleOf(itemId)}`}
            label={`Undo ignoring ${titleOf(itemId)}`}
            onRemove={() => onChange({ without: readTexts(without.filter((one) => one !== itemId)) })}
          />
        ))}
        <button
          type="button"
          className="button small"
          onClick={() => onChange({ with: undefined, without: undefined })}
        >
          Undo all
        </button>
      </div>
      <p role="status">{describeEffect(effect)}</p>
    </section>
  );
}

function describeEffect(effect: WhatIfProps['effect']): string {
  if (effect === undefined) return 'Comparing the lists…';
  const { entered, left } = effect;
  if (entered + left === 0) return 'The list has the same items.';
  return `${countOf(entered, 'item')} entered the list, ${left} left it.`;
}
