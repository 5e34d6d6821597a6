import { plainName } from './find-columns.ts';

/** What public data sets and shops call the standard types. */
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
};

/** Makes the function from what a file calls a type to the type: as `typeNames` says, else by the usual names, else itself. */
export function createTypeReader(typeNames: Readonly<Record<string, string>>): (name: string) => string {
  const known = new Map<string, string>(Object.entries(typeNames));
  return (name) => {
    let type = known.get(name);
    if (type === undefined) {
      type = usualNames[plainName(name)] ?? name;
      if (known.size < 10_000) known.set(name, type);
    }
    return type;
  };
}
