import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useRef } from 'react';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Page } from '../../parts/page.tsx';
import { Failure, Loading, QueryView } from '../../parts/states.tsx';
import { listBehaviors } from './behavior-rows.ts';
import { Behaviors } from './behaviors.tsx';
import { compareLists } from './compare-lists.ts';
import { Controls } from './controls.tsx';
import './explore.css';
import { Interests } from './interests.tsx';
import { UserBar } from './user-bar.tsx';
import { catalogQuery, interestsQuery, recommendationsQuery, userQuery } from './queries.ts';
import { Recommendations } from './recommendations.tsx';
import type { PageSearch } from '../../../src/pages.ts';
import { withoutUndefined } from '../../../src/search.ts';
import { baselineOf, curlOf, exploreSearchOf, hasUser, recommendationsOf } from './search.ts';
import type { ExploreSearch } from './search.ts';
import { useFirstUser } from './use-first-user.ts';
import { isMissing, labelInterests } from './view.ts';
import type { ChangeSearch } from './view.ts';
import { WhatIf } from './what-if.tsx';

const exploreRoute = getRouteApi('/explore');

/** A user's behaviors, interests and recommendations, with the reason for each item. */
export function Content() {
  const parameters = exploreRoute.useSearch();
  const search = useMemo(() => exploreSearchOf(parameters), [parameters]);
  const navigate = useNavigate({ from: '/explore' });
  const onChange: ChangeSearch = useCallback(
    (changes, { replace = false } = {}) => {
      void navigate({
        search: (before) => withChanges(before, changes),
        replace,
        resetScroll: false,
      });
    },
    [navigate],
  );
  const first = useFirstUser(search, onChange);
  const isChosen = hasUser(search);
  const user = useQuery({ ...userQuery(search.user ?? ''), enabled: search.user !== undefined });
  const interests = useQuery({ ...interestsQuery(search), enabled: isChosen });
  const known = interests.data?.data;
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
      <UserBar
        search={search}
        user={search.user === undefined ? undefined : user.data}
        interestCount={isChosen ? known?.interestCount : undefined}
        onChange={onChange}
      />
      {isChosen ? <ExploredUser search={search} onChange={onChange} /> : <FirstUser {...first} />}
    </Page>
  );
}

function FirstUser({ error, retry }: ReturnType<typeof useFirstUser>) {
  if (error !== null) return <Failure error={error} api="serving" onRetry={retry} />;
  return <Loading what="Loading users with distinct interests" />;
}

interface ExploredUserProps {
  readonly search: ExploreSearch;
  readonly onChange: ChangeSearch;
}

/** Everything about one user or history. */
function ExploredUser({ search, onChange }: ExploredUserProps) {
  const titles = useRef(new Map<string, string>());
  const catalog = useQuery(catalogQuery);
  const user = useQuery({ ...userQuery(search.user ?? ''), enabled: search.user !== undefined });
  const interests = useQuery(interestsQuery(search));
  const recommendations = useQuery(recommendationsQuery(search));
  const baseline = baselineOf(search);
  const before = useQuery({ ...recommendationsQuery(baseline ?? search), enabled: baseline !== undefined });

  const described = interests.data?.data;
  const stored = search.user === undefined ? undefined : user.data;
  const rows = useMemo(
    () =>
      listBehaviors({
        search,
        user: stored,
        coupling: described?.coupling,
        titleOf: (itemId) => titles.current.get(itemId),
      }),
    [search, stored, described],
  );
  const list = recommendations.data?.data.items;
  const listBefore = baseline === undefined || before.isPlaceholderData ? undefined : before.data?.data.items;
  const changes = useMemo(() => compareLists(list ?? [], listBefore), [list, listBefore]);
  const labels = useMemo(() => labelInterests(described?.interests ?? []), [described]);
  const found = useMemo(() => countByInterest(list ?? []), [list]);

  const add = (item: { readonly itemId: string; readonly title?: string }): void => {
    if (item.title !== undefined) titles.current.set(item.itemId, item.title);
    onChange({
      with: [...(search.with ?? []).filter((itemId) => itemId !== item.itemId), item.itemId],
      build: undefined,
    });
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
        <QueryView query={interests} api="serving" what="Loading interests">
          {({ data }) => (
            <div className="stack explore-user">
              <Behaviors
                search={search}
                user={user}
                rows={rows}
                interests={data.interests}
                labels={labels}
                similarity={data.coupling?.similarity}
                sequenceLength={catalog.data?.sequenceLength}
                isStale={interests.isPlaceholderData}
                onChange={onChange}
                onAdd={add}
              />
              {isEmptyHistory ? null : (
                <Interests
                  interests={data.interests}
                  labels={labels}
                  source={data.source}
                  focus={search.focus}
                  found={found}
                  isStale={interests.isPlaceholderData}
                  onChange={onChange}
                />
              )}
            </div>
          )}
        </QueryView>
        <QueryView query={recommendations} api="serving" what="Loading recommendations">
          {(response) => (
            <Recommendations
              response={response}
              changes={changes}
              labels={labels}
              focus={search.focus}
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

function withChanges(before: object, changes: Parameters<ChangeSearch>[0]): PageSearch<'explore'> {
  return withoutUndefined({ ...before, ...changes });
}
