import { Page } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';

export function ExplorePage() {
  return (
    <Page title="Explore" lead="What the model sees in a person, and why it recommends what it does.">
      <Empty title="Nothing here yet" />
    </Page>
  );
}
