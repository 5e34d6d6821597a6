import { useQuery } from '@tanstack/react-query';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { DaysCard } from './days.tsx';
import { DeadLettersCard } from './dead-letters.tsx';
import { IntakeCard } from './intake-card.tsx';
import { lakeQuery } from './queries.ts';
import './data.css';

export function Content() {
  return (
    <Page name="data">
      <QueryView query={useQuery(lakeQuery)} what="Loading the lake">
        {(lake) => (
          <>
            <IntakeCard lake={lake} />
            {lake.days.length === 0 ? (
              <Card>
                <Empty title="The lake has no events yet">
                  Send events to the collector, or import a file with <code>facet import --events FILE</code>.
                </Empty>
              </Card>
            ) : (
              <DaysCard days={lake.days} />
            )}
            <DeadLettersCard />
          </>
        )}
      </QueryView>
      <ValidateCard />
    </Page>
  );
}

const command = 'facet validate --events orders.csv --items products.csv --users customers.csv';

/** Explains how to check files before their import. Files stay on the machine of the command. */
function ValidateCard() {
  return (
    <Card
      title="Validate a file before its import"
      actions={<DocLink to="data-engineer.md">Formats and columns</DocLink>}
    >
      <p>
        The command reads CSV, TSV, JSON Lines, RecBole and Parquet, also with gzip. It reports columns, refused rows
        with their lines, duplicates, times and suspicious users, and stores nothing.
      </p>
      <p className="row">
        <code>{command}</code>
        <CopyButton text={command}>Copy the command</CopyButton>
      </p>
    </Card>
  );
}
