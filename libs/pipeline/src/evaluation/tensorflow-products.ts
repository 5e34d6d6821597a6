/* TensorFlow comes with it: what imports it lazily can do without. */
export { createCatalogProducts } from '@facet/model/training';
