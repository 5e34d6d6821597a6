import { plainName } from '@facet/platform';

/** Common names of the standard types in public data sets and shops. */
const usualNames: Readonly<Record<string, string>> = {
  impression: 'impression',
  exposure: 'impression',
  show: 'impression',
  view: 'view',
  pv: 'view',
  pageview: 'view',
  detail: 'view',
  viewitem: 'view',
  click: 'click',
  clk: 'click',
  addtocart: 'add_to_cart',
  cart: 'add_to_cart',
  basket: 'add_to_cart',
  purchase: 'purchase',
  buy: 'purchase',
  order: 'purchase',
  transaction: 'purchase',
  rating: 'rating',
  rate: 'rating',
  review: 'rating',
  return: 'return',
  returned: 'return',
  refund: 'return',
  cancellation: 'return',
};

/** Returns whether text is a common name of a standard type, also in the plural. */
export function isKnownTypeName(text: string): boolean {
  return usualTypeOf(text) !== undefined;
}

function usualTypeOf(name: string): string | undefined {
  const plain = plainName(name);
  return usualNames[plain] ?? usualNames[plain.replace(/s$/, '')];
}

/**
 * Returns the function that maps a type name of a file to a type: by `typeNames`, or by {@link usualNames}, or unchanged. Declared types
 * stay unchanged.
 */
export function createTypeReader(
  typeNames: Readonly<Record<string, string>>,
  declared: readonly string[] = [],
): (name: string) => string {
  const known = new Map<string, string>([
    ...declared.map((name) => [name, name] as const),
    ...Object.entries(typeNames),
  ]);
  return (name) => {
    let type = known.get(name);
    if (type === undefined) {
      type = usualTypeOf(name) ?? name;
      if (known.size < 10_000) known.set(name, type);
    }
    return type;
  };
}
