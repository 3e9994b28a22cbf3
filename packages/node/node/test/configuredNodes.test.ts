// Goal: a file whose nodes are not the members of the cluster is refused, with what follows from it.
import { startTestNode, stopTestNode, untilReady } from "@annals/fake-server";
import { asMemberId } from "@annals/raft";
import { expect, test } from "vitest";
import { startNode } from "../src/startNode.ts";
import { assertNodesAreMembers } from "../src/configuredNodes.ts";

const members = ["a", "b", "c"].map((node, k) => ({ node, member: asMemberId(k + 1) }));

/** The refusal, or nothing. */
function refusal(...nodes: readonly string[]): unknown {
  const config = { nodes: Object.fromEntries(nodes.map((node) => [node, `${node}:7400`])) };
  try {
    assertNodesAreMembers(config, { cluster: "prod", members });
    return undefined;
  } catch (error) {
    return error;
  }
}

test("the same nodes in any order are right", () => {
  expect(refusal("c", "a", "b")).toBeUndefined();
});

test.each([
  [["a", "b"], "c is a member and not in the file: it still counts in the quorum"],
  [["a", "b", "c", "d"], "d is in the file and no member: it would have no vote"],
  [["a", "b", "x"], "c is a member and not in the file"],
  [["a", "b", "x"], "x is in the file and no member"],
  [["a", "b"], "cluster prod has the members a, b, c, the key nodes lists a, b"],
])("%s is refused: %s", (nodes, text) => {
  expect(refusal(...nodes)).toMatchObject({
    code: "ERR_NODES_DIFFER",
    retryable: false,
    message: expect.stringContaining(text),
  });
});

test("a node does not start with another list than its cluster's, and starts again with the right one", async () => {
  const solo = await startTestNode();
  await untilReady(solo.node);
  await solo.node.close();
  const nodes = { ...solo.config.nodes, b: "127.0.0.1:1" };
  await expect(startNode({ ...solo.config, nodes })).rejects.toMatchObject({
    code: "ERR_NODES_DIFFER",
    details: { members: ["a"], configured: ["a", "b"] },
  });
  const again = await startNode(solo.config);
  await again.close();
  await stopTestNode(solo);
});
