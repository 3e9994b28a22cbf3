import type { Capability } from "./faultKinds.ts";
import { processTool } from "./processTool.ts";
import type { Tool, ToolSite } from "./tool.ts";

/** Sets up what the faults of a run need, and nothing else. */
export async function openTools(
  _needs: ReadonlySet<Capability>,
  site: ToolSite,
): Promise<readonly Tool[]> {
  return [processTool(site)];
}
