export { until } from '@facet/local-services';
