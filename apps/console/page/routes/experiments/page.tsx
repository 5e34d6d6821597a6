import type { DeclaredExperiment, ExperimentReport } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { trainerQuery } from '../../api/fetch-api.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { Select } from '../../parts/fields.tsx';
import { countOf, formatCount, formatP, formatShare, Time } from '../../parts/format.tsx';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { usePageSearch, withoutScroll } from '../../parts/use-page-search.ts';
import './experiments.css';
import { ArmName, OutcomeCard } from './outcome-card.tsx';

const experimentsQuery = trainerQuery('/v1/experiments', {}, { staleTime: 60_000 });

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

/** The trainer computes a report at most once a minute. */
const reportEveryMs = 60_000;

const reportQuery = (name: string, windowHours: number) => {
  const params = { path: { name }, query: { windowHours: `${windowHours}` } };
  const times = { staleTime: reportEveryMs, refetchInterval: reportEveryMs };
  return trainerQuery('/v1/experiments/{name}/report', params, times);
};

const windowHoursDefault = 24;

/** The arms of one experiment: whether they are comparable, then each outcome. */
function ExperimentReportView({ experiment }: { readonly experiment: DeclaredExperiment }) {
  const [{ windowHours = windowHoursDefault }] = usePageSearch('experiments');
  return (
    <QueryView query={useQuery(reportQuery(experiment.name, windowHours))} what="Loading the report">
      {(report) => <Report report={report} windowHours={windowHours} />}
    </QueryView>
  );
}

interface ReportProps {
  readonly report: ExperimentReport;
  readonly windowHours: number;
}

function Report({ report, windowHours }: ReportProps) {
  const { counts, arms, shadow, computedAt } = report;
  const outcomes = arms[0]?.outcomes ?? [];
  return (
    <>
      <Card title={report.experiment} actions={<WindowHours hours={windowHours} />}>
        {counts.exposures === 0 && shadow.length === 0 ? (
          <Empty title="No responses yet">
            The exposure log has no response in an arm of this experiment. Only requests with a userId are in an arm.{' '}
            <DocLink to="serving.md#exposures-and-replays">The exposure log</DocLink>
          </Empty>
        ) : (
          <>
            <Comparability report={report} />
            <p className="small muted">
              {formatCount(counts.exposures)} responses. Intervals: 95 %, over users. Computed{' '}
              <Time at={computedAt} isRelative />.
            </p>
            {arms.length === 0 ? null : <ArmsTable report={report} />}
            {shadow.length === 0 ? null : <ShadowTable shadow={shadow} />}
            <Exclusions report={report} />
          </>
        )}
      </Card>
      {counts.exposures === 0
        ? null
        : outcomes.map(({ outcome }, position) => (
            <OutcomeCard key={outcome} outcome={outcome} position={position} report={report} />
          ))}
    </>
  );
}

const windowChoices = [1, 6, 24, 72, 168];

function WindowHours({ hours }: { readonly hours: number }) {
  const [, change] = usePageSearch('experiments', withoutScroll);
  const choices = [...new Set([...windowChoices, hours])].sort((a, b) => a - b);
  return (
    <label className="row small">
      <span className="muted">Outcome window</span>
      <Select
        value={hours}
        options={choices.map((choice) => [choice, `${choice} h`])}
        onChange={(windowHours) => change({ windowHours })}
      />
    </label>
  );
}

/** The normal approximation of the intervals is unreliable for fewer users. */
const usersMin = 100;

/** Read this first: without comparable arms, their differences mean nothing. */
function Comparability({ report: { sampleRatio, arms } }: Pick<ReportProps, 'report'>) {
  const thin = arms.filter(({ users }) => users < usersMin).map(({ arm }) => arm);
  return (
    <>
      {sampleRatio === undefined ? null : sampleRatio.isMismatch ? (
        <p className="banner experiments-mismatch" role="alert">
          <strong>Sample ratio mismatch.</strong> The split of users does not match the weights (
          {equalsP(sampleRatio.pValue)}). An arm lost users, or the weights changed. Ignore the differences below, find
          the cause, then start a new experiment under another name.
        </p>
      ) : (
        <p className="row">
          <span className="badge good">comparable arms</span>
          <span className="small muted">
            The split of users matches the weights: chi-square {sampleRatio.chiSquare.toFixed(2)}, {sampleRatio.degrees}{' '}
            df, {equalsP(sampleRatio.pValue)}.
          </span>
        </p>
      )}
      {thin.length === 0 ? null : (
        <p className="banner" role="status">
          Fewer than {usersMin} users in {thin.join(', ')}: the intervals are unreliable.
        </p>
      )}
    </>
  );
}

function Exclusions({ report: { counts, damagedLines } }: Pick<ReportProps, 'report'>) {
  const facts = [
    [counts.crossedUsers, 'users seen in more than one arm'],
    [counts.withoutUser, 'responses without a user'],
    [counts.unknownArm, 'responses of arms that facet.yaml does not declare'],
    [counts.repeated, 'duplicate lines of the log'],
    [counts.orphanPages, 'further pages of excluded lists'],
    [damagedLines, 'damaged lines of the log'],
  ] as const;
  const found = facts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  return (
    <>
      {found.length === 0 ? null : <p className="small muted">Excluded: {found.join(', ')}.</p>}
      {counts.open === 0 ? null : (
        <p className="small muted">{countOf(counts.open, 'recent response')} may still get outcomes.</p>
      )}
    </>
  );
}

const equalsP = (p: number): string => (p < 0.0001 ? 'p < 0.0001' : `p = ${formatP(p)}`);

/** Users, responses and items of each arm. */
function ArmsTable({ report: { arms, sampleRatio } }: Pick<ReportProps, 'report'>) {
  return (
    <DataTable
      label="Arms"
      columns={['Arm', ...['Users', 'Expected users', 'Responses', 'Items', 'Fallback share'].map(numeric)]}
      rows={arms.map(({ arm, users, exposures, items, fallbacks }, index) => ({
        key: arm,
        cells: [
          <ArmName arm={arm} index={index} />,
          formatCount(users),
          sampleRatio === undefined ? '–' : formatCount(sampleRatio.expected[index] ?? 0),
          formatCount(exposures),
          formatCount(items),
          fallbacks.estimate === undefined ? '–' : formatShare(fallbacks.estimate.value),
        ],
      }))}
    />
  );
}

/** How the lists of shadow arms overlap with what users saw and chose. */
function ShadowTable({ shadow }: Pick<ExperimentReport, 'shadow'>) {
  const share = (part: number, whole: number): string => (whole === 0 ? '–' : formatShare(part / whole));
  return (
    <DataTable
      label="Shadow arms"
      columns={[
        'Shadow arm',
        numeric('Responses'),
        numeric('Share shown to users'),
        numeric('Shown items with an outcome'),
        numeric('Share also in the shadow list'),
      ]}
      rows={shadow.map(({ arm, responses, items, shown, chosen, chosenHeld }) => ({
        key: arm,
        cells: [arm, formatCount(responses), share(shown, items), formatCount(chosen), share(chosenHeld, chosen)],
      }))}
    />
  );
}
