import { createProblems } from '@facet/http';

/** What callers of this API are told, where it can say more than others. */
export const servingProblems = createProblems({
  REQUEST_INVALID: { status: 400, remedy: 'Correct the field; /docs describes it.' },
  ARTIFACT_NOT_FOUND: { remedy: 'See GET /v1/bundles.' },
  ARTIFACT_NO_PREVIOUS: {},
  ARTIFACT_CORRUPT: {},
  PROMOTION_CURRENT_CHANGED: { remedy: 'Look at GET /v1/refs, and try again if it is still wanted.' },
  NOT_FOUND: { status: 404, remedy: 'See /docs.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send fewer behaviors: the model reads the newest ones only.' },
});
