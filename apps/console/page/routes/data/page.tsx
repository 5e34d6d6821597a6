import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function DataPage() {
  return (
    <Page title="Data" lead="What arrives, what is refused, and what waits.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
