/** Puts back the first value taken from a generator; returning early still ends the generator. */
export async function* startingWith<Value>(first: Value, rest: AsyncGenerator<Value>): AsyncGenerator<Value> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
