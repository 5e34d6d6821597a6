/** A header that only scripts of the console's origin can send. The console requires it on each request that changes something. */
export const markerHeader = 'x-facet-console';
