import { sumOf, valuesOf } from '@facet/http/metrics-text';
import type { Metrics } from '@facet/http/metrics-text';
import { Link } from '@tanstack/react-router';
import { formatCount, formatShare } from '../../parts/format.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { Stat } from '../../parts/stat.tsx';
import { Time } from '../../parts/time.tsx';

/** What serving serves, with its metrics since the start of the process. */
export function ServingCard({ metrics }: { readonly metrics: Metrics }) {
  const read = (name: string, wanted?: Record<string, string>): number => sumOf(metrics, name, wanted) ?? 0;
  const [bundle = '–'] = valuesOf(metrics, 'facet_serving_bundle_info', 'bundle');
  const dataEnd = read('facet_serving_bundle_data_end_seconds');
  const responses = read('facet_serving_responses_total', { kind: 'recommendations' });
  const popular = read('facet_serving_responses_total', { kind: 'recommendations', source: 'popular' });
  const wanted = read('facet_serving_index_recall_wanted_total');
  const hits = read('facet_serving_index_recall_hits_total');
  const failures = read('facet_serving_bundle_load_failures_total');
  return (
    <Card title="Serving" actions={<DocLink to="serving.md#metrics">How these are measured</DocLink>}>
      <div className="grid health-stats">
        <Stat
          name="Bundle"
          value={<span className="mono">{bundle.slice(0, 12)}</span>}
          note={
            <>
              Data until <Time at={dataEnd * 1000} />
            </>
          }
        />
        <Stat
          name="Items"
          value={formatCount(read('facet_serving_bundle_items'))}
          note="including new items of the delta"
        />
        <Stat
          name="Fallback share"
          value={responses === 0 ? '–' : formatShare(popular / responses)}
          note={`${formatCount(popular)} of ${formatCount(responses)} recommendations are popular items`}
        />
        <Stat
          name="Live index recall"
          value={wanted === 0 ? '–' : formatShare(hits / wanted)}
          note={wanted === 0 ? <NoRecall /> : `of ${formatCount(wanted)} exact nearest items`}
        />
        <Stat
          name="Rollbacks by guardrails"
          value={formatCount(read('facet_serving_rollbacks_total'))}
          note={<Link to="/compare">Compare bundles</Link>}
        />
        <Stat
          name="Bundle load failures"
          value={formatCount(failures)}
          note={failures === 0 ? 'including deltas and arms' : 'The log of serving has the reasons'}
        />
        <Stat
          name="Overload rejections"
          value={formatCount(read('facet_http_turned_away_total'))}
          note="requests, with 503 and Retry-After"
        />
        <Stat
          name="Dropped exposures"
          value={formatCount(read('facet_serving_exposures_total', { outcome: 'dropped' }))}
          note={`${formatCount(read('facet_serving_exposures_total', { outcome: 'written' }))} written`}
        />
      </div>
    </Card>
  );
}

function NoRecall() {
  return (
    <>
      No sample yet, or an exact index. <DocLink to="serving.md#live-index-recall">How recall is measured</DocLink>
    </>
  );
}
