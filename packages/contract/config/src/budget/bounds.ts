import type { Bound } from "./bound.ts";
import { LINK_BOUNDS } from "./linkBounds.ts";
import { PROCESS_BOUNDS } from "./processBounds.ts";
import { REQUEST_BOUNDS } from "./requestBounds.ts";

/** Every bound of a node. `docs/bounds.md` is generated from it, the budget adds it up, and each name is a gauge. */
export const BOUNDS: readonly Bound[] = [...REQUEST_BOUNDS, ...LINK_BOUNDS, ...PROCESS_BOUNDS];
