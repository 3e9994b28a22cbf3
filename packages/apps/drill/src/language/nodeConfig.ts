import { stringify } from "yaml";
import type { Scenario } from "./scenario.ts";

/** The configuration of every node of a drill: its addresses and logs, and what the scenario adds. */
export function nodeConfigText(
  { config, logs }: Pick<Scenario, "config" | "logs">,
  addresses: ReadonlyMap<string, string>,
  data: string,
): string {
  const nodes = Object.fromEntries(addresses);
  return stringify({ cluster: "drill", ...config, nodes, data, logs });
}
