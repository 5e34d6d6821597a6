import type { CreateProducts } from './model-scorer.ts';

/** TensorFlow's products where it is installed; without it the same figures take longer. */
export async function loadProducts(): Promise<CreateProducts | undefined> {
  try {
    return (await import('./tensorflow-products.ts')).createCatalogProducts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
