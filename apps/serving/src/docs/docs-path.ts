/** Where the API describes itself. */
export const docsPath = '/docs';
