import { expect, it } from 'vitest';
import { s3ProblemOf } from '../src/s3/s3-problems.ts';

it.each([
  ['ExpiredToken', 400, true],
  ['InvalidClientTokenId', 403, true],
  ['InvalidIdentityToken', 400, true],
  ['InvalidIdentityTokenException', 400, true],
  ['UnrecognizedClientException', 400, true],
  ['UnauthorizedException', 401, true],
  ['AccessDenied', 403, false],
])('treats %s %i as an outage: %s', (name, status, retryable) => {
  const error = Object.assign(new Error('no'), { name, $metadata: { httpStatusCode: status } });
  expect(s3ProblemOf(error, { bucket: 'b', region: 'eu-west-1' })).toMatchObject({ code: 'S3_REFUSED', retryable });
});
