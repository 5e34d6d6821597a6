import type { Lineage } from '@facet/client/trainer-api';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { CopyButton } from '../../parts/copy-button.tsx';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { Fact } from '../../parts/fact.tsx';
import { formatCount } from '../../parts/format.ts';
import { Time } from '../../parts/time.tsx';
import { describeFitChoice } from './fit-choice.ts';

/** The parts of a lineage, from the lake to the promotions. */
export type LineageNode = 'lake' | 'dataset' | 'model' | 'bundle' | 'promotions';

/** The facts of one part of a lineage. */
export function LineageFacts({ lineage, node }: { readonly lineage: Lineage; readonly node: LineageNode }) {
  const { lake, dataset, model, bundle } = lineage;
  switch (node) {
    case 'lake':
      return lake === null ? null : <LakeFacts lake={lake} />;
    case 'dataset':
      return dataset === null ? null : <DatasetFacts dataset={dataset} />;
    case 'model':
      return model === null ? null : (
        <Facts id={model.id}>
          <Fact name="Started from">
            {model.startedFrom === undefined || model.startedFrom === null ? (
              'random weights'
            ) : (
              <ArtifactLink id={model.startedFrom} />
            )}
          </Fact>
          {model.interests === undefined ? null : (
            <Fact name="Interests and labels">{describeFitChoice({ ...model, interests: model.interests })}</Fact>
          )}
        </Facts>
      );
    case 'bundle':
      return bundle === null ? null : (
        <Facts id={bundle.id}>
          {bundle.asOf === undefined ? null : (
            <Fact name="End of its data">
              <Time at={bundle.asOf} />
            </Fact>
          )}
        </Facts>
      );
    case 'promotions':
      return bundle === null ? null : <Promotions promotions={bundle.promotions} />;
  }
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

function ArtifactLink({ id }: { readonly id: string }) {
  return (
    <Link to="/refreshes" search={(search) => ({ ...search, artifact: id })} resetScroll={false}>
      <code>{id}</code>
    </Link>
  );
}

function DatasetFacts({ dataset }: { readonly dataset: NonNullable<Lineage['dataset']> }) {
  const { id, window, counts } = dataset;
  return (
    <Facts id={id}>
      {window === undefined ? null : (
        <>
          <Fact name="Occurred before">
            <BoundTime at={window.occurredBefore} />
          </Fact>
          <Fact name="Received before">
            <BoundTime at={window.receivedBefore} />
          </Fact>
          <Fact name="Test window from">
            <BoundTime at={window.testFrom} />
          </Fact>
        </>
      )}
      {Object.entries(counts ?? {}).map(([name, count]) => (
        <Fact key={name} name={name}>
          {formatCount(count)}
        </Fact>
      ))}
    </Facts>
  );
}

/** A dataset of all events has bounds outside the calendar. */
function BoundTime({ at }: { readonly at: number }) {
  return Number.isNaN(new Date(at).getTime()) ? 'no bound' : <Time at={at} />;
}

const filesMax = 200;

function LakeFacts({ lake }: { readonly lake: NonNullable<Lineage['lake']> }) {
  const { offsets, files, catalog } = lake;
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
            <code>{sha256.slice(0, 12)}</code>
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
        columns={['File', numeric('Events'), 'SHA-256', 'State']}
        scrollClassName="lineage-files"
      >
        {files.slice(0, filesMax).map(({ path, rows, sha256, isGone }) => (
          <tr key={path}>
            <td className="mono">{path}</td>
            <td className="numeric">{formatCount(rows)}</td>
            <td className="mono">{sha256.slice(0, 12)}</td>
            <td>{isGone ? 'replaced' : 'in the lake'}</td>
          </tr>
        ))}
      </DataTable>
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
    <DataTable label="Promotions" columns={['When', 'How', 'By', 'Reason']}>
      {promotions.map(({ number, at, kind, by, reason, run }) => (
        <tr key={number}>
          <td>
            <Time at={at} />
          </td>
          <td>{kind === 'rollback' ? 'rolled back to' : 'promoted'}</td>
          <td>{by}</td>
          <td>
            {run === undefined ? (
              (reason ?? '')
            ) : (
              <Link to="/refreshes" search={{ run: run.runId }}>
                run {run.runId}
              </Link>
            )}
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
