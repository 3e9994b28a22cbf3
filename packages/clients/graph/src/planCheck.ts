import { GraphError } from "./graphError.ts";
import type { GraphDatabase, GraphParameters, PlanStep } from "./graphDatabase.ts";

/** Steps that read every node or edge of the graph or of a label: of Neo4j, then of Memgraph. */
const SCANS = [
  /^(?:Partitioned)?(?:AllNodesScan|NodeByLabelScan|UnionNodeByLabelsScan|IntersectionNodeByLabelsScan)/,
  /^(?:Partitioned)?(?:Directed|Undirected)(?:All|Union)?Relationship(?:s|Type|Types)Scan/,
  /^ScanAll(?:ByLabel)?$/,
];

/**
 * The steps of a plan that read more than keys name. In Grafeo's plans every search is a `NodeScan` below its filters: it is one by key if
 * a filter right above has an index, and none at all if it only names a node that is bound already.
 */
export function fullScans(plan: readonly PlanStep[]): readonly PlanStep[] {
  return plan.filter((step, index) => {
    if (step.operator === "NodeScan") return !isIndexed(plan, index) && !isBound(plan, index);
    return SCANS.some((scan) => scan.test(step.operator));
  });
}

function isIndexed(plan: readonly PlanStep[], scan: number): boolean {
  for (let index = scan - 1; plan[index]?.operator === "Filter"; index -= 1) {
    if (plan[index]?.detail.includes("[index: ") === true) return true;
  }
  return false;
}

function isBound(plan: readonly PlanStep[], scan: number): boolean {
  const outer = plan[scan - 1];
  return (
    outer?.operator === "Expand" && plan[scan + 1]?.operator.startsWith("Discriminant") === true
  );
}

/** Asks the database how it would run each template, and refuses one that would read the whole graph for every chunk. */
export async function checkPlans(
  database: GraphDatabase,
  templates: ReadonlyMap<string, GraphParameters>,
  signal: AbortSignal,
): Promise<void> {
  for (const [cypher, parameters] of templates) {
    const [scan] = fullScans(await database.explain(cypher, parameters, signal));
    if (scan === undefined) continue;
    const step = `${scan.operator} ${scan.detail}`.trim();
    throw new GraphError(
      "ERR_GRAPH_FULL_SCAN",
      "settings",
      `${database.name} would run ${step} for: ${cypher}`,
      { details: { step } },
    );
  }
}
