import { AnnalsError } from "@annals/record";
import type { NodeConfig } from "@annals/config";
import type { BirthCertificate } from "./certificate.ts";

/**
 * Compares the nodes of the configuration with the members of the cluster. They are two lists: a node that is only removed from the file
 * still counts in every quorum, and one that is only added has no vote. Throws ERR_NODES_DIFFER.
 */
export function assertNodesAreMembers(
  config: Pick<NodeConfig, "nodes">,
  { cluster, members }: Pick<BirthCertificate, "cluster" | "members">,
): void {
  const configured = Object.keys(config.nodes).toSorted();
  const born = members.map(({ node }) => node).toSorted();
  const left = born.filter((node) => !configured.includes(node));
  const added = configured.filter((node) => !born.includes(node));
  if (left.length === 0 && added.length === 0) return;
  const troubles = [
    ...left.map((node) => `${node} is a member and not in the file: it still counts in the quorum`),
    ...added.map((node) => `${node} is in the file and no member: it would have no vote`),
  ];
  throw new AnnalsError(
    "ERR_NODES_DIFFER",
    `cluster ${cluster} has the members ${born.join(", ")}, the key nodes lists ${configured.join(", ")}: ` +
      `${troubles.join("; ")}. Nodes cannot be added or removed yet: let nodes list the members`,
    { details: { members: born, configured } },
  );
}
