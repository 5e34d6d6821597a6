/** Where a client sends its requests. */
export interface Address {
  readonly url: string;
  readonly key: string;
}

/** Returns the address without slashes at the end of the URL. @throws TypeError if url or key is missing */
export function parseAddress({ url, key }: Address): Address {
  for (const [name, value] of Object.entries({ url, key })) {
    if (typeof value !== 'string' || value === '') {
      throw new TypeError(
        `The option "${name}" of the Facet client is ${value === '' ? 'empty' : String(value)}. Set it when you create the client.`,
      );
    }
  }
  return { url: url.replace(/\/+$/, ''), key };
}
