export { createTracker } from './tracker.ts';
export type { TrackedEvent, Tracker, TrackerCounts, TrackerOptions } from './tracker.ts';
export type { RefusedEvent } from './event-sender.ts';
