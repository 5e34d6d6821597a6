import { createProblems } from '@facet/http';

/** The problems that the ingest API tells its callers. */
export const ingestProblems = createProblems({
  REQUEST_INVALID: { status: 400, remedy: 'docs/collector.md has examples of every request.' },
  ALL_REFUSED: { status: 400, remedy: 'Correct what the results name, and send again with the same ids.' },
  TOO_MANY_RECORDS: { status: 413, remedy: 'Send them in several requests.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send fewer records in a request.' },
  BODY_TYPE_UNSUPPORTED: {
    status: 415,
    remedy: 'Send the header Content-Type: application/json, or application/x-ndjson for a record a line.',
  },
  BODY_ENCODING_UNSUPPORTED: { status: 415, remedy: 'Send the body without Content-Encoding.' },
  STORE_UNAVAILABLE: { status: 503, remedy: 'Send the same request again after the seconds in Retry-After.' },
});
