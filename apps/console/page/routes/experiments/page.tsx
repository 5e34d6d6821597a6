import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function ExperimentsPage() {
  return (
    <Page title="Experiments" lead="Arms, exposure and outcomes.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
