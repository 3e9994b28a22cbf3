export type * from "./sink.ts";
