export type * from "./config.ts";
export type * from "./logReader.ts";
export type * from "./message.ts";
export type * from "./ready.ts";
export type * from "./trace.ts";
export type * from "./types.ts";
export { asIndex, asMemberId, asTerm, NOBODY } from "./types.ts";
