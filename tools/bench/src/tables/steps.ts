/** One call of `facet benchmark`. */
export interface Step {
  readonly name: string;
  readonly arguments: readonly string[];
}

/** What the steps read. Rows of finished runs are in the homes. */
export interface Inputs {
  /** The homes of MovieLens 100K and Online Retail II. */
  readonly movieLens: string;
  readonly retail: string;
  /** The folder with sequences and items of Amazon Beauty, and its home. */
  readonly beautyData: string;
  readonly beauty: string;
  /** Configuration files: the windows of Online Retail II, and a model without side features. */
  readonly retailWindows: string;
  readonly noFeatures: string;
}

interface Protocol extends Step {
  /** The systems that are not towers. */
  readonly simple: string;
}

const neighbors = 'item-cf-cosine,item-cf-bm25';
const simpleByProtocol = {
  'time-split': `popularity,popularity-30d,own-history,tf-idf,${neighbors}`,
  'user-split': `popularity,own-history,${neighbors}`,
  'leave-one-out': `popularity,${neighbors}`,
  rolling: `popularity,own-history,${neighbors}`,
} as const;
const opponents = 'sasrec-facet,sasrec,mind,mind-1,comirec-sa,youtube-dnn,wals';

/** Returns the data sets and protocols, in the order of value. */
function protocolsOf(inputs: Inputs): Protocol[] {
  const of = (data: string, name: keyof typeof simpleByProtocol, options: readonly string[]): Protocol => ({
    name: `${data}, ${name}`,
    simple: simpleByProtocol[name],
    arguments: ['--protocol', name, ...options],
  });
  const movieLens = ['--home', inputs.movieLens];
  const retail = ['--home', inputs.retail];
  const beauty = ['--data', inputs.beautyData, '--home', inputs.beauty];
  return [
    of('retail', 'time-split', [...retail, '--config', inputs.retailWindows]),
    of('MovieLens', 'time-split', movieLens),
    of('retail', 'leave-one-out', retail),
    of('MovieLens', 'user-split', movieLens),
    of('retail', 'user-split', retail),
    of('Beauty', 'leave-one-out', beauty),
    of('Beauty without side features', 'leave-one-out', [...beauty, '--config', inputs.noFeatures]),
    of('MovieLens', 'leave-one-out', movieLens),
    of('retail', 'rolling', retail),
  ];
}

/** Returns all steps: the default, simple methods, several interests against one, opponents, then every other variant. */
export function stepsOf(inputs: Inputs): Step[] {
  const protocols = protocolsOf(inputs);
  const each = (name: string, optionsOf: (protocol: Protocol) => readonly string[]): Step[] =>
    protocols.map((protocol) => ({
      name: `${protocol.name}: ${name}`,
      arguments: [...protocol.arguments, ...optionsOf(protocol)],
    }));
  return [
    ...each('default', () => ['--systems', 'facet', '--seeds', '5']),
    ...each('simple methods', ({ simple }) => ['--systems', simple, '--seeds', '1']),
    ...each('interests and context', () => [
      ...['--systems', 'facet', '--seeds', '5'],
      ...['--sweep', 'K=4,1', '--sweep', 'context=attention,mean'],
    ]),
    ...each('opponents', () => ['--systems', opponents, '--seeds', '3']),
    ...each('all systems', () => ['--seeds', '3']),
  ];
}
