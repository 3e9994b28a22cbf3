import { clockTool } from "./clockTool.ts";
import type { Capability } from "./faultKinds.ts";
import { fileLimitTool } from "./fileLimitTool.ts";
import { fullDiskTool } from "./fullDiskTool.ts";
import { packetTool } from "./packetTool.ts";
import { powerTool } from "./powerTool.ts";
import { processTool } from "./processTool.ts";
import { proxyTool } from "./proxyTool.ts";
import { shimTool } from "./shimTool.ts";
import type { Tool, ToolSite } from "./tool.ts";

type Opener = (site: ToolSite) => Promise<Tool> | Tool;

const OPENERS: Readonly<Record<Capability, Opener>> = {
  signals: processTool,
  proxy: proxyTool,
  packetFilter: packetTool,
  powerLoss: powerTool,
  shim: shimTool,
  smallDisk: fullDiskTool,
  fileLimit: fileLimitTool,
  clock: clockTool,
};

/** Sets up what the faults of a run need, and nothing else. */
export async function openTools(site: ToolSite): Promise<readonly Tool[]> {
  const tools: Tool[] = [];
  try {
    for (const need of new Set<Capability>(["signals", ...site.needs]))
      tools.push(await OPENERS[need](site));
  } catch (error) {
    for (const tool of tools) await tool.close();
    throw error;
  }
  return tools;
}

/** What a node's process gets from all tools; libraries to preload add up. */
export function environment(tools: readonly Tool[], id: string): Readonly<Record<string, string>> {
  const parts = tools.map((tool) => tool.envOf?.(id) ?? {});
  const libraries = parts.flatMap((part) => part["LD_PRELOAD"] ?? []);
  const merged: Record<string, string> = Object.assign({}, ...parts);
  return libraries.length === 0 ? merged : { ...merged, LD_PRELOAD: libraries.join(":") };
}
