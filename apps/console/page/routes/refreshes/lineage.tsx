import type { Lineage } from '@facet/client/trainer-api';
import { describeFitChoice } from '@facet/runs/describe-fit';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { ApiError } from '../../api/fetch-api.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { countOf, formatCount, shortId, Time } from '../../parts/format.tsx';
import { DocLink, Fact } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
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
    <QueryView query={query} what="Loading the lineage">
      {(lineage) => <LineageGraph key={id} lineage={lineage} />}
    </QueryView>
  );
}

function LineageGraph({ lineage }: { readonly lineage: Lineage }) {
  const nodes = nodesOf(lineage);
  const [chosen, setChosen] = useState(nodes.at(-1)?.title);
  return (
    <div className="stack">
      <ol className="lineage" aria-label="Lineage, from the lake to the promotion">
        {nodes.map(({ title, fact, isGone }) => (
          <li key={title}>
            <button
              type="button"
              className="lineage-node"
              aria-pressed={title === chosen}
              onClick={() => setChosen(title)}
            >
              <span className="small muted">{title}</span>
              <span className="truncate">{fact}</span>
              {isGone ? <span className="badge">deleted</span> : null}
            </button>
          </li>
        ))}
      </ol>
      {nodes.find(({ title }) => title === chosen)?.facts}
    </div>
  );
}

interface GraphNode {
  readonly title: string;
  readonly fact: string;
  readonly isGone: boolean;
  readonly facts: ReactNode;
}

/** Returns the parts of a lineage that exist, from the lake to the promotions. */
function nodesOf({ lake, dataset, model, bundle }: Lineage): GraphNode[] {
  const nodes: GraphNode[] = [];
  if (lake !== null) {
    const rows = lake.files.reduce((sum, file) => sum + file.rows, 0);
    const fact = `${formatCount(rows)} events in ${countOf(lake.files.length, 'file')}`;
    const title = `Lake, version ${lake.version}`;
    nodes.push({ title, fact, isGone: false, facts: <LakeFacts {...lake} /> });
  }
  const artifact = (
    title: string,
    { id, isGone }: { readonly id: string; readonly isGone: boolean },
    facts: ReactNode,
  ) => nodes.push({ title, fact: shortId(id), isGone, facts: <Facts id={id}>{facts}</Facts> });
  if (dataset !== null) artifact('Dataset', dataset, <DatasetFacts {...dataset} />);
  if (model !== null) artifact('Model', model, <ModelFacts {...model} />);
  if (bundle === null) return nodes;
  const { asOf, promotions } = bundle;
  artifact(
    'Bundle',
    bundle,
    asOf === undefined ? null : (
      <Fact name="End of its data">
        <Time at={asOf} />
      </Fact>
    ),
  );
  const count = promotions.length;
  const fact = count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`;
  const facts = <Promotions promotions={promotions} />;
  return [...nodes, { title: 'Promoted', fact, isGone: false, facts }];
}

function Facts({ id, children }: { readonly id: string; readonly children: ReactNode }) {
  return (
    <div className="stack">
      <dl className="facts">
        <Fact name="Id">
          <code>{id}</code>
        </Fact>
        {children}
      </dl>
      <div className="row">
        <CopyButton text={id}>Copy the id</CopyButton>
      </div>
    </div>
  );
}

function ModelFacts({ startedFrom, interests, ...model }: NonNullable<Lineage['model']>) {
  return (
    <>
      <Fact name="Started from">
        {startedFrom ? (
          <Link to="/refreshes" search={(search) => ({ ...search, artifact: startedFrom })} resetScroll={false}>
            <code>{startedFrom}</code>
          </Link>
        ) : (
          'random weights'
        )}
      </Fact>
      {interests === undefined ? null : (
        <Fact name="Interests and labels">{describeFitChoice({ ...model, interests })}</Fact>
      )}
    </>
  );
}

function DatasetFacts({ window, counts }: NonNullable<Lineage['dataset']>) {
  const bounds =
    window === undefined
      ? []
      : ([
          ['Occurred before', window.occurredBefore],
          ['Received before', window.receivedBefore],
          ['Test window from', window.testFrom],
        ] as const);
  return (
    <>
      {bounds.map(([name, at]) => (
        <Fact key={name} name={name}>
          {/* A dataset of all events has bounds outside the calendar. */}
          {Number.isNaN(new Date(at).getTime()) ? 'no bound' : <Time at={at} />}
        </Fact>
      ))}
      {Object.entries(counts ?? {}).map(([name, count]) => (
        <Fact key={name} name={name}>
          {formatCount(count)}
        </Fact>
      ))}
    </>
  );
}

const filesMax = 200;
const mono = (title: string) => ({ title, cellClass: 'mono' });

function LakeFacts({ offsets, files, catalog }: NonNullable<Lineage['lake']>) {
  const replaced = files.filter(({ isGone }) => isGone).length;
  return (
    <div className="stack">
      <dl className="facts">
        {Object.entries(offsets).map(([source, offset]) => (
          <Fact key={source} name={`${source}: offsets before`}>
            {formatCount(offset)}
          </Fact>
        ))}
        {catalog.map(({ path, sha256 }) => (
          <Fact key={path} name={path}>
            <code>{shortId(sha256)}</code>
          </Fact>
        ))}
      </dl>
      {replaced === 0 ? null : (
        <p className="small muted">
          A compaction or an erasure has replaced {formatCount(replaced)} of these files since. Their events are in the
          files that replaced them.
        </p>
      )}
      <DataTable
        label="Files of the lake"
        columns={[mono('File'), numeric('Events'), mono('SHA-256'), 'State']}
        rows={files.slice(0, filesMax).map(({ path, rows, sha256, isGone }) => ({
          key: path,
          cells: [path, formatCount(rows), shortId(sha256), isGone ? 'replaced' : 'in the lake'],
        }))}
        scrollClassName="lineage-files"
      />
      {files.length <= filesMax ? null : (
        <p className="small muted">
          The first {filesMax} of {formatCount(files.length)} files. facet lineage --json lists all.
        </p>
      )}
    </div>
  );
}

function Promotions({ promotions }: { readonly promotions: NonNullable<Lineage['bundle']>['promotions'] }) {
  if (promotions.length === 0) return <p className="muted">This bundle was never promoted.</p>;
  return (
    <DataTable
      label="Promotions"
      columns={['When', 'How', 'By', 'Reason']}
      rows={promotions.map(({ number, at, kind, by, reason, run }) => ({
        key: `${number}`,
        cells: [
          <Time at={at} />,
          kind === 'rollback' ? 'rolled back to' : 'promoted',
          by,
          run === undefined ? (
            reason
          ) : (
            <Link to="/refreshes" search={{ run: run.runId }}>
              run {run.runId}
            </Link>
          ),
        ],
      }))}
    />
  );
}
