import type { DeclaredExperiment } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { apiQuery, trainer } from '../../api/fetch-api.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatShare, Time } from '../../parts/format.tsx';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import { ExperimentReportView } from './experiment-report.tsx';
import './experiments.css';

const experimentsQuery = apiQuery(['trainer', 'experiments'], (signal) => trainer.GET('/v1/experiments', { signal }), {
  staleTime: 60_000,
});

export function Content() {
  return (
    <Page name="experiments" actions={<DocLink to="experiments.md">How to run an experiment</DocLink>}>
      <QueryView query={useQuery(experimentsQuery)} what="Loading the experiments">
        {({ experiments }) => <Experiments experiments={experiments} />}
      </QueryView>
    </Page>
  );
}

function Experiments({ experiments }: { readonly experiments: readonly DeclaredExperiment[] }) {
  const [{ name }] = usePageSearch('experiments');
  const asked = experiments.find((experiment) => experiment.name === name);
  const shown = asked ?? experiments.find(({ state }) => state === 'running') ?? experiments[0];
  if (shown === undefined) {
    return (
      <Card>
        <Empty title="facet.yaml declares no experiments">
          Declare one under <code>experiments</code>, then restart serving and trainer.{' '}
          <DocLink to="experiments.md">An example</DocLink>
        </Empty>
      </Card>
    );
  }
  return (
    <>
      {name === undefined || asked !== undefined ? null : (
        <p className="banner" role="status">
          facet.yaml does not declare the experiment {name}. This is {shown.name}.
        </p>
      )}
      <ExperimentList experiments={experiments} shown={shown.name} />
      <ExperimentReportView key={shown.name} experiment={shown} />
    </>
  );
}

const tones = { running: 'accent', scheduled: '', ended: '' } as const;

interface ExperimentListProps {
  readonly experiments: readonly DeclaredExperiment[];
  readonly shown: string;
}

/** The experiments of facet.yaml. The page cannot change them. */
function ExperimentList({ experiments, shown }: ExperimentListProps) {
  return (
    <Card title="Declared in facet.yaml">
      <DataTable
        label="Declared experiments"
        columns={['Experiment', 'State', 'From', 'To', numeric('Users'), 'Arms and weights']}
        rows={experiments.map((experiment) => {
          const { name, state, from, before, share } = experiment;
          return {
            key: name,
            'aria-current': name === shown || undefined,
            cells: [
              <Link to="/experiments" search={(search) => ({ ...search, name })} resetScroll={false}>
                {name}
              </Link>,
              <span className={`badge ${tones[state]}`}>{state}</span>,
              from === undefined ? 'always' : <Time at={from} />,
              before === undefined ? 'no end' : <Time at={before} />,
              formatShare(share),
              <Arms {...experiment} />,
            ],
          };
        })}
        className="experiments-list"
      />
    </Card>
  );
}

function Arms({ arms, shadow }: DeclaredExperiment) {
  return (
    <ul className="experiments-arms">
      {arms.map((arm, index) => (
        <li key={arm.name}>
          {arm.name} <span className="muted">× {arm.weight}</span>
          {index === 0 && arm.name !== 'control' ? <span className="muted"> control</span> : null}{' '}
          <Settings settings={arm.settings} />
        </li>
      ))}
      {shadow.map((arm) => (
        <li key={arm.name}>
          {arm.name} <span className="muted">shadow, {formatShare(arm.share)} of responses</span>{' '}
          <Settings settings={arm.settings} />
        </li>
      ))}
    </ul>
  );
}

function Settings({ settings }: { readonly settings: object }) {
  return Object.keys(settings).length === 0 ? null : <code className="muted">{JSON.stringify(settings)}</code>;
}
