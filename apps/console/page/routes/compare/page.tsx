import { getRouteApi } from '@tanstack/react-router';
import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/session.ts';
import { DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import './compare.css';
import { DecisionCard } from './decision-card.tsx';
import { GateCard } from './gate-card.tsx';
import { UserCard } from './user-card.tsx';
import { armsQuery, attributesQuery, bundlesQuery } from './queries.ts';
import type { PageSearch } from '../../../src/pages.ts';
import { SampleCard } from './sample-card.tsx';
import { SidePicker } from './side-picker.tsx';
import { mergeOptions, sideOf } from './sides.ts';

const compareRoute = getRouteApi('/compare');

/** Two bundles, arms or merges side by side, the verdict of the gate, and the decision. */
export function Content() {
  const { data: session } = useSuspenseQuery(sessionQuery);
  return (
    <Page name="compare" actions={<DocLink to="console.md#should-i-promote-this">Should I promote this?</DocLink>}>
      {session.scopes.includes('admin') ? (
        <Comparison />
      ) : (
        <Empty title="This API key may not compare bundles">
          Comparing loads bundles and starts work. Sign in with a key that has the scope admin.
        </Empty>
      )}
    </Page>
  );
}

function Comparison() {
  const bundles = useQuery(bundlesQuery);
  const arms = useQuery(armsQuery).data?.arms ?? [];
  const options = mergeOptions(useQuery(attributesQuery).data ?? []);
  const search = compareRoute.useSearch();
  const navigate = compareRoute.useNavigate();
  const change = (next: PageSearch<'compare'>): void =>
    void navigate({ search: (previous) => ({ ...previous, ...next }), replace: true });
  const before = sideOf(search.before, search.beforeMerge, options);
  const after = sideOf(search.after, search.afterMerge, options);
  return (
    <QueryView query={bundles} api="serving" what="Loading bundles">
      {({ bundles: listed }) => {
        const current = listed.find(({ state }) => state === 'current')?.bundleId;
        const armBundle = arms.find(({ experiment, name }) => `${experiment}/${name}` === search.after)?.bundleId;
        const candidate = after.bundleId ?? armBundle ?? current;
        return (
          <>
            <div className="grid">
              <SidePicker
                title="Before"
                source={search.before}
                merge={search.beforeMerge}
                {...{ bundles: listed, arms, options }}
                onChange={(source, merge) => change({ before: source, beforeMerge: merge })}
              />
              <SidePicker
                title="After"
                source={search.after}
                merge={search.afterMerge}
                {...{ bundles: listed, arms, options }}
                onChange={(source, merge) => change({ after: source, afterMerge: merge })}
              />
            </div>
            <UserCard before={before} after={after} user={search.user} onChange={(user) => change({ user })} />
            <SampleCard before={before} after={after} onPick={(user) => change({ user })} />
            {candidate === undefined ? null : (
              <div className="grid compare-decide">
                <GateCard key={candidate} bundleId={candidate} isCurrent={candidate === current} />
                <DecisionCard candidate={candidate} bundles={listed} />
              </div>
            )}
          </>
        );
      }}
    </QueryView>
  );
}
