/** Does the work of a stage of an answer, and notes how long it took. */
export type MeasureStage = <Result>(stage: string, work: () => Result) => Result;

/** Notes nothing. */
export const unmeasured: MeasureStage = (_stage, work) => work();
