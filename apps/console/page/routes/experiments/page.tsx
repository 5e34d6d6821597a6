import { getRouteApi } from '@tanstack/react-router';
import type { DeclaredExperiment } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { ExperimentList } from './experiment-list.tsx';
import { ExperimentReportView } from './experiment-report.tsx';
import { experimentsQuery } from './queries.ts';
import './experiments.css';

const experimentsRoute = getRouteApi('/experiments');

export function Content() {
  const query = useQuery(experimentsQuery);
  return (
    <Page name="experiments" actions={<DocLink to="experiments.md">How to run an experiment</DocLink>}>
      <QueryView query={query} api="trainer" what="Loading the experiments">
        {({ experiments }) => <Experiments experiments={experiments} />}
      </QueryView>
    </Page>
  );
}

function Experiments({ experiments }: { readonly experiments: readonly DeclaredExperiment[] }) {
  const { name } = experimentsRoute.useSearch();
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
