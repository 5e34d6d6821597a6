import { useQuery } from '@tanstack/react-query';
import { DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { MapView } from './map-view.tsx';
import './map.css';
import { mapQuery } from './queries.ts';

/** The catalog in two dimensions, with the interests of a user on it. */
export function Content() {
  const query = useQuery(mapQuery);
  return (
    <Page name="map" actions={<DocLink to="index-building.md#the-item-map">How the map is made</DocLink>}>
      <QueryView query={query} api="serving" what="Loading the map">
        {(map) => {
          if (map.hasPositions) return <MapView map={map} />;
          return (
            <Empty title="This bundle has no map">
              <p>Build it again:</p>
              <code className="command">npm run facet -- index</code>
            </Empty>
          );
        }}
      </QueryView>
    </Page>
  );
}
