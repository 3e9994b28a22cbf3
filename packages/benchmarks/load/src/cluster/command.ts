import { join } from "node:path";

/** The built command of this workspace, for the programs of this package; `annals bench` starts itself. */
export const BUILT_COMMAND: string = join(import.meta.dirname, "../../../../apps/cli/dist/main.js");
