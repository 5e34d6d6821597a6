import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function RefreshesPage() {
  return (
    <Page title="Refreshes" lead="The run under way, past runs and the schedule.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
