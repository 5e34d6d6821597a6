import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { dataOf, serving } from '../../api/fetch-api.ts';
import { formatNumber } from '../../parts/format.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { Stat } from '../../parts/stat.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';

/** The checks of the gate that detect collapsed interests. */
const monitors: readonly string[] = ['interest cosine', 'effective interests'];

const gateQuery = (bundleId: string) => ({
  queryKey: ['gate', bundleId],
  queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
    dataOf(serving.GET('/v1/bundles/{bundleId}/gate', { params: { path: { bundleId } }, signal })),
});

/** Whether the interests of the live bundle have collapsed, as the gate measured it. */
export function MonitorsCard({ bundleId }: { readonly bundleId: string }) {
  const query = useQuery(gateQuery(bundleId));
  return (
    <Card
      title="Interests of the live bundle"
      actions={<DocLink to="promotion.md#the-gate">What the gate checks</DocLink>}
    >
      <QueryView query={query} api="serving" what="Loading the verdict of the gate">
        {({ report }) => {
          const checks = report?.checks.filter(({ name }) => monitors.includes(name)) ?? [];
          if (checks.length === 0) {
            return (
              <Empty title="The gate has not checked this bundle">
                Refreshes run the gate. You can run it on the page <Link to="/compare">Compare</Link>.
              </Empty>
            );
          }
          return (
            <div className="grid health-stats">
              {checks.map(({ name, value, passed, sentence }) => (
                <Stat
                  key={name}
                  name={
                    <span className="row">
                      {name} <span className={passed ? 'badge good' : 'badge bad'}>{passed ? 'passed' : 'failed'}</span>
                    </span>
                  }
                  value={formatNumber(value)}
                  note={sentence}
                />
              ))}
            </div>
          );
        }}
      </QueryView>
    </Card>
  );
}
