import { useQuery } from '@tanstack/react-query';
import { Card, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { DeadLettersCard } from './dead-letters-card.tsx';
import { DaysCard } from './days-card.tsx';
import { IntakeCard } from './intake-card.tsx';
import { lakeQuery } from './queries.ts';
import { ValidateCard } from './validate-card.tsx';
import './data.css';

export function Content() {
  const query = useQuery(lakeQuery);
  return (
    <Page name="data">
      <QueryView query={query} api="sink" what="Loading the lake">
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
