import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function ComparePage() {
  return (
    <Page title="Compare" lead="Two bundles, arms or merges side by side.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
