import { createProblems, lakeProblems } from '@facet/http';

/** The codes of the lake, of unreachable stores, and of the sink. */
export const sinkProblems = createProblems({
  ...lakeProblems,
  CONNECTION_FILE_UNREADABLE: {},
  EVENTS_LOG_FORBIDDEN: {},
  EVENTS_LOG_UNAUTHENTICATED: {},
  EVENTS_LOG_UNREACHABLE: {},
  EVENTS_LOG_UNTRUSTED: {},
  EVENTS_CATALOG_DAMAGED: {},
  EVENTS_CATALOG_UNREADABLE: {},
  REDRIVE_RUNNING: {
    status: 409,
    remedy: 'Repeat the request after it has ended. Redriven events are not sent again.',
  },
  STALLED: { status: 503, remedy: 'Check the log of the process and /v1/status, then restart the process.' },
});
