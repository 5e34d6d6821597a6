import { createProblems } from '@facet/http';

/** What callers of this API are told, where it can say more than others. */
export const servingProblems = createProblems({
  REQUEST_INVALID: { status: 400, remedy: 'Correct the field; /docs describes it.' },
  NOT_FOUND: { status: 404, remedy: 'See /docs.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send fewer behaviors: the model reads the newest ones only.' },
});
