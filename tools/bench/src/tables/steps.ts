import type { ProtocolName } from '@facet/benchmark';

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
  readonly hasTimes: boolean;
}

const published = 'sasrec-ss,mind-paddle-example,sasrec,mind,mind-1,comirec-sa,youtube-dnn,wals';

/** Each part of the default recipe, and its value without the part. */
const parts = [
  'K=1',
  'p=2',
  'popularityPrior=false',
  'repeatBonus=false',
  'context=mean,none',
  'residual=false',
  'recency=false',
  'distinctBehaviors=false',
  'scoreSharpness=0',
  'separation=0',
  'dropout=0',
  'temperatureMin=0.1',
  'extractor.cosineAgreement=0',
  'extractor.identity=0',
  'examplesPerUser=0',
  'labels=next',
];

/** The values of {@link parts} that the default already has with leave-one-out on data without times. */
const partsOfTimes = ['popularityPrior=false', 'repeatBonus=false', 'temperatureMin=0.1', 'labels=next'];

const curves = ['K=1,3,5,7', 'adaptiveInterests=true,false', 'p=0,1,2,infinity', 'sigma=0,0.5,1,2'];
const sizes = ['L=10,25,50,100', 'd=16,32,64,128'];

/** Returns the data sets and protocols, in the order of value. */
function protocolsOf(inputs: Inputs): Protocol[] {
  const of = (data: string, name: ProtocolName, options: readonly string[]): Protocol => {
    // The sequences of Amazon Beauty have no times. Own history ranks only repeats.
    const hasTimes = !data.startsWith('Beauty');
    return {
      name: `${data}, ${name}`,
      hasTimes,
      simple: [
        'popularity',
        ...(hasTimes ? ['popularity-30d'] : []),
        ...(name === 'leave-one-out' ? [] : ['own-history']),
        ...['tf-idf', 'item-cf-cosine', 'item-cf-bm25'],
      ].join(),
      arguments: ['--protocol', name, ...options],
    };
  };
  const movieLens = ['--home', inputs.movieLens];
  const retail = ['--home', inputs.retail];
  const beauty = ['--data', inputs.beautyData, '--home', inputs.beauty];
  return [
    of('retail', 'time-split', [...retail, '--config', inputs.retailWindows]),
    of('MovieLens', 'time-split', movieLens),
    of('Beauty', 'leave-one-out', beauty),
    of('MovieLens', 'user-split', movieLens),
    of('retail', 'user-split', retail),
    of('Beauty', 'user-split', beauty),
    of('retail', 'leave-one-out', retail),
    of('Beauty without side features', 'leave-one-out', [...beauty, '--config', inputs.noFeatures]),
    of('MovieLens', 'leave-one-out', movieLens),
    of('retail', 'rolling', retail),
    of('MovieLens', 'rolling', movieLens),
  ];
}

/**
 * Returns all steps, the most valuable first: the default, simple methods, SASRec with the same loss, several interests against one,
 * published models, negatives, the parts of the default, curves, then every other variant.
 */
export function stepsOf(inputs: Inputs): Step[] {
  const protocols = protocolsOf(inputs);
  const of =
    (protocols: readonly Protocol[]) =>
    (name: string, optionsOf: (protocol: Protocol) => readonly string[]): Step[] =>
      protocols.map((protocol) => ({
        name: `${protocol.name}: ${name}`,
        arguments: [...protocol.arguments, ...optionsOf(protocol)],
      }));
  const each = of(protocols);
  // One protocol for each data set.
  const once = of(protocols.slice(0, 3));
  const sweep = (values: readonly string[]): string[] => values.flatMap((value) => ['--sweep', value]);
  const facet = ['--systems', 'facet'];
  return [
    ...each('default', () => [...facet, '--seeds', '5']),
    ...each('simple methods', ({ simple }) => ['--systems', simple, '--seeds', '1']),
    ...each('SASRec with the same loss', () => ['--systems', 'sasrec-facet', '--seeds', '3']),
    ...each('interests and context', () => [...facet, '--seeds', '5', ...sweep(['K=4,1', 'context=attention,mean'])]),
    ...each('published models', () => ['--systems', published, '--seeds', '3']),
    ...once('negatives', () => [...facet, '--seeds', '3', ...sweep(['negatives=all,2048,in-batch,in-batch+2048'])]),
    ...once('parts of the default', ({ hasTimes }) => [
      ...[...facet, '--seeds', '3'],
      ...sweep(hasTimes ? parts : parts.filter((part) => !partsOfTimes.includes(part))),
    ]),
    ...once('curves', () => ['--systems', 'mind,facet', '--seeds', '3', ...sweep(curves)]),
    ...once('sizes', () => ['--systems', 'mind,facet', '--seeds', '3', ...sweep(sizes)]),
    ...each('all systems', () => ['--seeds', '3']),
  ];
}
