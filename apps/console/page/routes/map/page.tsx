import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function MapPage() {
  return (
    <Page title="Item map" lead="The catalog in two dimensions.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
