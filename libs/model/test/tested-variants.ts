const mainVariants: readonly string[] = ['facet', 'mind', 'comirec-sa', 'comirec-dr', 'sasrec'];

/**
 * The options of a test of a variant: `npm test` tests one variant of each extractor, and `npm run test:full` all.
 *
 * @param isFull only `npm run test:full` tests this case of the variant
 */
export function optionsFor(variant: string, isFull = false): { readonly tags: string[] } {
  return { tags: mainVariants.includes(variant) && !isFull ? [] : ['full'] };
}
