export { EXIT } from "./exitCodes.ts";
export type { ExitCode } from "./exitCodes.ts";
export type { CliIo, Sink } from "./io.ts";
export { run } from "./run.ts";
export type { CliParts } from "./run.ts";
