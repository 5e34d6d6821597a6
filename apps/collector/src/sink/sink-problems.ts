import { createProblems, lakeProblems } from '@facet/http';

/** The codes of files that cannot be read, of unreachable stores, and of the sink. */
export const sinkProblems = createProblems({
  ...lakeProblems,
  CONNECTION_FILE_UNREADABLE: {},
  EVENTS_LOG_FORBIDDEN: {},
  EVENTS_LOG_UNAUTHENTICATED: {},
  EVENTS_LOG_UNREACHABLE: {},
  EVENTS_LOG_UNTRUSTED: {},
  EVENTS_CATALOG_DAMAGED: {},
  EVENTS_CATALOG_UNREADABLE: {},
  EVENTS_COLUMN_MISSING: {},
  EVENTS_FILE_DAMAGED: {},
  EVENTS_FILE_EMPTY: {},
  EVENTS_FILE_NOT_TEXT: {},
  EVENTS_FILE_TOO_LARGE: { status: 413 },
  EVENTS_FILE_UNREADABLE: {},
  EVENTS_FORMAT_UNKNOWN: {},
  EVENTS_HEADER_AMBIGUOUS: {},
  EVENTS_JSON_ARRAY: {},
  EVENTS_VALUE_UNCLEAR: {},
  VALIDATION_CRASHED: {},
  VALIDATION_FAILED: {},
  REDRIVE_RUNNING: {
    status: 409,
    remedy: 'Repeat the request after it has ended. Redriven events are not sent again.',
  },
  STALLED: { status: 503, remedy: 'Check the log of the process and /v1/status, then restart the process.' },
});
