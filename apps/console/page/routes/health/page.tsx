import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function HealthPage() {
  return (
    <Page title="Health" lead="The processes, what they serve, and how fast.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
