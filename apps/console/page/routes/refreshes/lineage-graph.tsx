import type { Lineage } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { formatCount } from '../../parts/format.ts';
import { DocLink } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { LineageFacts } from './lineage-facts.tsx';
import type { LineageNode } from './lineage-facts.tsx';
import { lineageQuery } from './queries.ts';

/** Traces an artifact back to the files and offsets of the lake. Each part can be chosen to see its facts. */
export function LineageView({ id }: { readonly id: string }) {
  const query = useQuery(lineageQuery(id));
  if (query.error instanceof ApiError && query.error.status === 404) {
    return (
      <Empty title="This artifact was deleted">
        The setting <DocLink to="configuration.md#refresh-and-artifacts-daily-retraining">artifacts.keep</DocLink>{' '}
        limits the number of kept artifacts.
      </Empty>
    );
  }
  return (
    <QueryView query={query} api="trainer" what="Loading the lineage">
      {(lineage) => <LineageGraph key={id} lineage={lineage} />}
    </QueryView>
  );
}

function LineageGraph({ lineage }: { readonly lineage: Lineage }) {
  const nodes = nodesOf(lineage);
  const [chosen, setChosen] = useState<LineageNode>(nodes.at(-1)?.name ?? 'dataset');
  return (
    <div className="stack">
      <ol className="lineage" aria-label="Lineage, from the lake to the promotion">
        {nodes.map(({ name, title, fact, isGone }) => (
          <li key={name}>
            <button
              type="button"
              className="lineage-node"
              aria-pressed={name === chosen}
              onClick={() => setChosen(name)}
            >
              <span className="small muted">{title}</span>
              <span className="truncate">{fact}</span>
              {isGone ? <span className="badge">deleted</span> : null}
            </button>
          </li>
        ))}
      </ol>
      <LineageFacts lineage={lineage} node={chosen} />
    </div>
  );
}

interface GraphNode {
  readonly name: LineageNode;
  readonly title: string;
  readonly fact: string;
  readonly isGone: boolean;
}

function nodesOf({ lake, dataset, model, bundle }: Lineage): GraphNode[] {
  const nodes: GraphNode[] = [];
  if (lake !== null) {
    const rows = lake.files.reduce((sum, file) => sum + file.rows, 0);
    const fact = `${formatCount(rows)} events in ${formatCount(lake.files.length)} ${lake.files.length === 1 ? 'file' : 'files'}`;
    nodes.push({ name: 'lake', title: `Lake, version ${lake.version}`, fact, isGone: false });
  }
  for (const [name, artifact] of Object.entries({ dataset, model, bundle })) {
    if (artifact === null) continue;
    const title = name[0]!.toUpperCase() + name.slice(1);
    nodes.push({ name: name as LineageNode, title, fact: artifact.id.slice(0, 12), isGone: artifact.isGone });
  }
  const promotions = bundle?.promotions ?? [];
  if (bundle !== null) {
    const count = promotions.length;
    const fact = count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`;
    nodes.push({ name: 'promotions', title: 'Promoted', fact, isGone: false });
  }
  return nodes;
}
