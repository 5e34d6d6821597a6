import type { ProblemCatalog } from './problem.ts';

const s3Problems = { S3_REFUSED: {}, S3_UNREACHABLE: {} } as const satisfies ProblemCatalog;

/** The problems of an app that reads the lake. */
export const lakeProblems = {
  ...s3Problems,
  EVENTS_LAKE_COPIES_FULL: {},
  EVENTS_LAKE_DAMAGED: {},
  EVENTS_LAKE_HAS_LOCAL: {},
  EVENTS_LAKE_NOT_CONFIGURED: { status: 503 },
  EVENTS_LAKE_SNAPSHOT_EXPIRED: {},
  EVENTS_LAKE_UNREADABLE: {},
} as const satisfies ProblemCatalog;

/** The problems of an app that reads artifacts. */
export const artifactProblems = {
  ...s3Problems,
  ARTIFACT_COPIES_FULL: {},
  ARTIFACT_CORRUPT: {},
} as const satisfies ProblemCatalog;
