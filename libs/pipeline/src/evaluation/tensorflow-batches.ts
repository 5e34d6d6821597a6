/* What TensorFlow does for many users at once. It comes with it: what imports this lazily can do without. */
export { createCatalogProducts, createInterestBatches } from '@facet/model/training';
