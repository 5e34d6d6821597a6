import type { DeclaredExperiment } from '@facet/client/trainer-api';
import { Link } from '@tanstack/react-router';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatShare } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';

const tones = { running: 'accent', scheduled: '', ended: '' } as const;

interface ExperimentListProps {
  readonly experiments: readonly DeclaredExperiment[];
  readonly shown: string;
}

/** The experiments of facet.yaml. The page cannot change them. */
export function ExperimentList({ experiments, shown }: ExperimentListProps) {
  return (
    <Card title="Declared in facet.yaml">
      <DataTable
        label="Declared experiments"
        columns={['Experiment', 'State', 'From', 'To', numeric('Users'), 'Arms and weights']}
        className="experiments-list"
      >
        {experiments.map((experiment) => (
          <ExperimentRow key={experiment.name} experiment={experiment} isShown={experiment.name === shown} />
        ))}
      </DataTable>
    </Card>
  );
}

function ExperimentRow({
  experiment,
  isShown,
}: {
  readonly experiment: DeclaredExperiment;
  readonly isShown: boolean;
}) {
  const { name, state, from, before, share, arms, shadow } = experiment;
  return (
    <tr aria-current={isShown ? 'true' : undefined}>
      <td>
        <Link to="/experiments" search={(search) => ({ ...search, name })} resetScroll={false}>
          {name}
        </Link>
      </td>
      <td>
        <span className={`badge ${tones[state]}`}>{state}</span>
      </td>
      <td>{from === undefined ? 'always' : <Time at={from} />}</td>
      <td>{before === undefined ? 'no end' : <Time at={before} />}</td>
      <td className="numeric">{formatShare(share)}</td>
      <td>
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
      </td>
    </tr>
  );
}

function Settings({ settings }: { readonly settings: object }) {
  return Object.keys(settings).length === 0 ? null : <code className="muted">{JSON.stringify(settings)}</code>;
}
