/*
 * Contains what the HTTP apps share: keys, errors, metrics, health and overload.
 * Start with `createHttpApp`, `describeRoutes` and `createAdmission`.
 * Imports only `@facet/platform`: an app passes its settings and its errors.
 */
export { readAccess } from './access/access.ts';
export type { Access, KeySource, RouteAccess } from './access/access.ts';
export { countRequestsOfWorkers, createKeyRateLimiter, limitRequests } from './access/limit-requests.ts';
export type { KeyRateLimiter } from './access/limit-requests.ts';
export { createHttpApp } from './create-http-app.ts';
export type { HttpAppOptions, ServerOptions } from './create-http-app.ts';
export type { Docs } from './docs.ts';
export { addHealthRoutes } from './health-routes.ts';
export { describeRoutes } from './describe-routes.ts';
export { definePlugin } from './http-app.ts';
export type { HttpApp } from './http-app.ts';
export { addMetricsRoute, createHttpMetrics } from './metrics.ts';
export type { HttpMetrics } from './metrics.ts';
export { addAdmissionMetrics, createAdmission, measureQueueDelay } from './overload/admission.ts';
export type { Admission } from './overload/admission.ts';
export { createReportQueue } from './overload/report-queue.ts';
export type { ReportQueue } from './overload/report-queue.ts';
export { responseSignal } from './overload/request-bounds.ts';
export { compileValidator } from './problems/compile-validator.ts';
export { artifactErrors, declaredError, lakeErrors, Problem, problemError } from './problems/problem.ts';
export type { ProblemCatalog } from './problems/problem.ts';
export { listen, listRoutes } from './server.ts';
