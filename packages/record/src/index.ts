export type * from "./batch.ts";
export { AnnalsError } from "./error.ts";
export { asSeq } from "./seq.ts";
export type { Seq } from "./seq.ts";
