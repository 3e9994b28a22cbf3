import type { Capability } from "./faultKinds.ts";
import { processTool } from "./processTool.ts";
import { proxyTool } from "./proxyTool.ts";
import type { Tool, ToolSite } from "./tool.ts";

type Opener = (site: ToolSite) => Promise<Tool> | Tool;

const OPENERS: Readonly<Partial<Record<Capability, Opener>>> = { proxy: proxyTool };

/** Sets up what the faults of a run need, and nothing else. */
export async function openTools(
  needs: ReadonlySet<Capability>,
  site: ToolSite,
): Promise<readonly Tool[]> {
  const tools: Tool[] = [processTool(site)];
  try {
    for (const need of needs) {
      const tool = await OPENERS[need]?.(site);
      if (tool !== undefined) tools.push(tool);
    }
  } catch (error) {
    for (const tool of tools) await tool.close();
    throw error;
  }
  return tools;
}
