export { EmbeddedLog } from "./embeddedLog.ts";
export { openLog } from "./openLog.ts";
export type { OpenLogOptions } from "./options.ts";
