/**
 * Refuses every call to the system that a log makes in each phase.
 *
 *     node --conditions=annals-source packages/node/storage/test/refusals/all.ts [--update] [--only PLACE]
 */
import { refuseAll } from "@annals/kit";
import { LOG_REFUSALS, POINTS } from "./points.ts";

await refuseAll(LOG_REFUSALS, POINTS);
