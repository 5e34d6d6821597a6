import { AppError, isAppError } from '../errors.ts';
import type { S3Config } from './s3-config.ts';

/** The fields that errors of the SDK, of Node and of credential providers have. */
interface S3Error extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: object;
}

const page = 'docs/s3.md#configure-the-bucket';

/** The names of errors of S3, and of the services that issue credentials. */
const credentialProblems =
  /InvalidAccessKeyId|SignatureDoesNotMatch|UserNotFound|ExpiredToken|InvalidToken|TokenRefresh|InvalidClientTokenId|InvalidIdentityToken|UnrecognizedClient|UnauthorizedException/;

/** Returns the status of the response, or undefined if no response arrived. */
function statusOf(error: unknown): number | undefined {
  return (error as Partial<S3Error>).$metadata?.httpStatusCode;
}

/** Whether an object does not exist. A missing bucket and an unknown access key have the status 404, too. */
export function isMissingObject(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound', 'NoSuchUpload'].includes((error as Error).name);
}

/** Whether a conditional write was refused because the object exists or has changed. */
export function isFailedCondition(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** Whether the server does not know a header of the request. */
export function isUnknownHeader(error: unknown): boolean {
  return statusOf(error) === 501;
}

/** Whether the same request may succeed after a pause. */
export function isTransient(error: unknown): boolean {
  const { name, code, $retryable } = error as S3Error;
  if (name === 'CredentialsProviderError' || isTlsProblem(code)) return false;
  const status = statusOf(error);
  // 409: another conditional write of the same object is in progress. A wrong clock is corrected after the first response.
  if (status === undefined) return !(error instanceof TypeError);
  return (
    (status >= 500 && status !== 501) ||
    [408, 409, 429].includes(status) ||
    $retryable !== undefined ||
    ['RequestTimeTooSkewed', 'RequestTimeout'].includes(name)
  );
}

/** Whether an error is a mistake of this program, or comes from a file of this machine. */
function isLocal(error: S3Error): boolean {
  if (error instanceof TypeError) return true;
  return ['ENOENT', 'ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EIO', 'EMFILE'].includes(error.code ?? '');
}

function isTlsProblem(code: string | undefined): boolean {
  return code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_/.test(code);
}

/** Returns the error of a failed request, with a remedy. */
export function s3ProblemOf(
  error: unknown,
  { bucket, region, endpoint = `S3 in ${region}` }: Pick<S3Config, 'bucket' | 'region' | 'endpoint'>,
): Error {
  if (isAppError(error) || !(error instanceof Error) || isLocal(error)) return error as Error;
  const { name, message, code } = error as S3Error;
  const status = statusOf(error);
  const context = { bucket, endpoint, status: status ?? null, name };
  const refused = (reason: string, remedy: string, retryable = false): AppError =>
    new AppError(`${endpoint} refused a request to the bucket ${bucket}: ${reason}.`, {
      code: 'S3_REFUSED',
      category: 'unavailable',
      remedy,
      retryable,
      context,
      cause: error,
    });
  const text = message.replace(/\.$/, '');
  if (name === 'NoSuchBucket') {
    return refused('the bucket does not exist', 'Create the bucket, or correct bucket in s3.yaml.');
  }
  if (name === 'CredentialsProviderError') {
    return refused(
      `there are no credentials (${text})`,
      `Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or provide a profile or role: ${page}.`,
      true,
    );
  }
  if (/AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocation/.test(name) || status === 301) {
    return refused(
      `the region ${region} is wrong (${text})`,
      'Correct region in s3.yaml: use the region of the bucket.',
    );
  }
  if (credentialProblems.test(name)) {
    return refused(`the credentials are wrong or have expired (${text})`, `Renew the credentials: ${page}.`, true);
  }
  if (name === 'AccessDenied' || status === 403) {
    return refused(`access is denied (${text})`, `Grant the permissions in ${page}.`);
  }
  if (status !== undefined && !isTransient(error)) {
    return refused(`${name} ${status}, ${text}`, `Check s3.yaml, and the server: ${page}.`);
  }
  return new AppError(`${endpoint} did not respond to a request to the bucket ${bucket}: ${code ?? name}, ${text}.`, {
    code: 'S3_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check endpoint and region in s3.yaml, the network, and the server. Then repeat the command.',
    retryable: true,
    context,
    cause: error,
  });
}
