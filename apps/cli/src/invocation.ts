/** How a person starts this command line: what hints and remedies can be pasted as. */
export const facet = import.meta.url.endsWith('.ts') ? 'npm run facet --' : 'facet';
