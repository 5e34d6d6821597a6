import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { formatCount, nameOf } from '../../parts/format.tsx';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { ItemSearch } from '../../parts/search-box.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { inPlace, usePageSearch } from '../../parts/use-page-search.ts';
import { colorPoints, Legend, useMapColors } from './coloring.tsx';
import './map.css';
import { ItemPanel, SelectionList, UserPanel } from './panels.tsx';
import { pointsOf } from './point-layer.ts';
import type { Column } from './point-layer.ts';
import { columnQuery, itemsQuery, mapQuery, neighborsQuery, userOnMapQuery } from './queries.ts';
import type { ItemMap } from './queries.ts';
import { marksOf, Scatter } from './scatter.tsx';

/** The catalog in two dimensions, with the interests of a user on it. */
export function Content() {
  const query = useQuery(mapQuery);
  return (
    <Page name="map" actions={<DocLink to="index-building.md#the-item-map">How the map is made</DocLink>}>
      <QueryView query={query} what="Loading the map">
        {(map) =>
          map.hasPositions ? (
            <MapView map={map} />
          ) : (
            <Empty title="This bundle has no map">
              <p>Build it again:</p>
              <code className="command">npm run facet -- index</code>
            </Empty>
          )
        }
      </QueryView>
    </Page>
  );
}

const none = new Int32Array(0);

/** Loads the columns of the map. */
function MapView({ map }: { readonly map: ItemMap }) {
  const [{ color = 'popularity' }] = usePageSearch('map', inPlace);
  const known = ['popularity', 'firstSeen', ...map.attributes.map(({ name }) => `attribute:${name}`)];
  const name = known.includes(color) ? color : 'popularity';
  const positions = useQuery(columnQuery(map, 'position'));
  const column = useQuery(columnQuery(map, name));
  return (
    <QueryView query={positions} what="Loading positions">
      {(position) => (
        <QueryView query={column} what="Loading colors">
          {(values) => <LoadedMap map={map} position={position} color={name} column={values} />}
        </QueryView>
      )}
    </QueryView>
  );
}

interface LoadedMapProps {
  readonly map: ItemMap;
  readonly position: Column;
  readonly color: string;
  readonly column: Column;
}

function LoadedMap({ map, position, color, column }: LoadedMapProps) {
  const [{ user, item }, change] = usePageSearch('map', inPlace);
  const client = useQueryClient();
  const [isLasso, setLasso] = useState(false);
  const [selection, setSelection] = useState<Int32Array>(none);
  const [hovered, setHovered] = useState<number>();
  const colors = useMapColors();
  const points = useMemo(() => pointsOf(position), [position]);
  const coloring = useMemo(
    () => colorPoints({ map, points, color, column, colors }),
    [map, points, color, column, colors],
  );
  const userOnMap = useQuery({ ...userOnMapQuery(user ?? ''), enabled: user !== undefined });
  const neighbors = useQuery({ ...neighborsQuery(item ?? ''), enabled: item !== undefined });
  const hover = useQuery({ ...itemsQuery(map, [hovered ?? 1]), enabled: hovered !== undefined });
  const marks = useMemo(
    () =>
      marksOf({
        userOnMap: user === undefined ? undefined : userOnMap.data,
        neighbors: item === undefined ? undefined : neighbors.data,
        colors,
      }),
    [user, userOnMap.data, item, neighbors.data, colors],
  );
  const select = async (items: Int32Array): Promise<void> => {
    setSelection(items);
    setLasso(false);
    if (items.length !== 1) return;
    const [picked] = await client.fetchQuery(itemsQuery(map, [...items]));
    if (picked) change({ item: picked.itemId });
  };
  const below = hovered === undefined ? undefined : hover.data?.[0];
  return (
    <div className="map-layout">
      <Card className="map-card">
        <div className="map-toolbar row">
          <ItemSearch
            label="Find an item by title"
            noteOf={({ itemId }) => itemId}
            onPick={({ itemId }) => change({ item: itemId })}
          />
          <button type="button" className="button" aria-pressed={isLasso} onClick={() => setLasso(!isLasso)}>
            Lasso
          </button>
          <span className="muted small map-hint" aria-live="off">
            {below
              ? nameOf(below)
              : isLasso
                ? 'Draw around the items to list.'
                : 'Drag to pan, scroll to zoom, click an item.'}
          </span>
        </div>
        <Scatter
          points={points}
          coloring={coloring}
          colors={colors}
          marks={marks}
          selection={selection}
          isLasso={isLasso}
          onSelect={(items) => void select(items)}
          onHover={setHovered}
        />
        <p className="muted small">
          {formatCount(points.items.length)} items
          {points.items.length < map.items
            ? `; ${formatCount(map.items - points.items.length)} without an embedding have no position`
            : ''}
          {map.addedItems === 0 ? '' : `; ${formatCount(map.addedItems)} added since the bundle`}
        </p>
      </Card>
      <div className="stack map-side">
        <Legend map={map} color={color} coloring={coloring} onChange={(next) => change({ color: next })} />
        <UserPanel query={userOnMap} />
        {item === undefined ? null : <ItemPanel query={neighbors} />}
        {selection.length < 2 ? null : <SelectionList map={map} items={selection} onClear={() => setSelection(none)} />}
      </div>
    </div>
  );
}
