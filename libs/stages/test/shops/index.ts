/* The small shops, also for the tests of other projects. */
export { addToLake, anyEvents, everybody, importEvents, lakeOf, monday } from './lake-of-events.ts';
export {
  collapsedWeights,
  dayOf,
  ignorantWeights,
  putThemedBundle,
  putThemedDataset,
  shuffledSince,
  themedConfig,
  themedEvents,
  themedItems,
} from './themed-shop.ts';
export {
  closing,
  dayMs,
  eventsOfOneDay,
  opening,
  people,
  shopConfig,
  shopDataset,
  shopEvents,
  smallModel,
  testFrom,
  things,
} from './tiny-shop.ts';
