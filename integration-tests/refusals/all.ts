/**
 * Refuses every call to the system that a node makes in each phase.
 *
 *     node integration-tests/refusals/all.ts [--update] [--only PLACE]
 */
import { refuseAll } from "@annals/kit";
import { NODE_REFUSALS, POINTS } from "./points.ts";

await refuseAll(NODE_REFUSALS, POINTS);
