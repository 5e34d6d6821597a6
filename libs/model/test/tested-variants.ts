const mainVariants: readonly string[] = ['facet', 'mind', 'comirec-sa', 'comirec-dr', 'sasrec'];

/** The options of a test of a variant: `npm test` tests one variant of each extractor, and `npm run test:full` all. */
export function optionsFor(variant: string): { readonly tags: string[] } {
  return { tags: mainVariants.includes(variant) ? [] : ['full'] };
}
