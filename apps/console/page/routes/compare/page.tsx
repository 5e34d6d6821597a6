import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.ts';
import { DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import './compare.css';
import { DecisionCard, GateCard } from './decision.tsx';
import { armsQuery, attributesQuery, bundlesQuery } from './queries.ts';
import { SampleCard } from './sample-card.tsx';
import { mergeOptions, sideOf, SidePicker } from './sides.tsx';
import { UserCard } from './user-card.tsx';

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
  const arms = useQuery(armsQuery).data?.arms ?? [];
  const options = mergeOptions(useQuery(attributesQuery).data ?? []);
  const [search, changeSearch] = usePageSearch('compare');
  const change: typeof changeSearch = (next) => changeSearch(next, { replace: true });
  const before = sideOf(search.before, search.beforeMerge, options);
  const after = sideOf(search.after, search.afterMerge, options);
  return (
    <QueryView query={useQuery(bundlesQuery)} what="Loading bundles">
      {({ bundles }) => {
        const current = bundles.find(({ state }) => state === 'current')?.bundleId;
        const armBundle = arms.find(({ experiment, name }) => `${experiment}/${name}` === search.after)?.bundleId;
        const candidate = after.bundleId ?? armBundle ?? current;
        return (
          <>
            <div className="grid">
              {(['before', 'after'] as const).map((side) => (
                <SidePicker
                  key={side}
                  title={side === 'before' ? 'Before' : 'After'}
                  source={search[side]}
                  merge={search[`${side}Merge`]}
                  {...{ bundles, arms, options }}
                  onChange={(source, merge) => change({ [side]: source, [`${side}Merge`]: merge })}
                />
              ))}
            </div>
            <UserCard before={before} after={after} user={search.user} onChange={(user) => change({ user })} />
            <SampleCard before={before} after={after} onPick={(user) => change({ user })} />
            {candidate === undefined ? null : (
              <div className="grid compare-decide">
                <GateCard key={candidate} bundleId={candidate} isCurrent={candidate === current} />
                <DecisionCard candidate={candidate} bundles={bundles} />
              </div>
            )}
          </>
        );
      }}
    </QueryView>
  );
}
