import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useRef } from 'react';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Page } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import { Behaviors, listBehaviors } from './behaviors.tsx';
import { Controls } from './controls.tsx';
import './explore.css';
import { Interests } from './interests.tsx';
import { catalogQuery, interestsQuery, recommendationsQuery, storedUserQuery } from './queries.ts';
import { findChanges, Recommendations } from './recommendations.tsx';
import { baselineOf, curlOf, exploreSearchOf, hasUser, recommendationsOf } from './search.ts';
import { FirstUser, UserBar, WhatIf } from './user-bar.tsx';
import { isMissing, labelInterests } from './view.ts';
import type { ChangeExplore, View } from './view.ts';

/** A user's behaviors, interests and recommendations, with the reason for each item. */
export function Content() {
  const [parameters, change] = usePageSearch('explore');
  const search = useMemo(() => exploreSearchOf(parameters), [parameters]);
  const onChange: ChangeExplore = useCallback(
    (changes, options) => change(changes, { ...options, resetScroll: false }),
    [change],
  );
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
      <UserBar search={search} onChange={onChange} />
      {hasUser(search) ? <ExploredUser search={search} onChange={onChange} /> : <FirstUser onChange={onChange} />}
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
