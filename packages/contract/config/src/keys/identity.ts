import { z } from "zod";
import { LOG_COMPRESSIONS, LOG_LEVELS, key } from "./kinds.ts";

/** Keys that say who the node is, where it listens and where its data lies. */
export const identityKeys = {
  cluster: key.name("annals", "cluster", {
    about: "Name of the cluster. A node of another name is refused when it connects.",
  }),
  nodes: key.nodes({ a: "127.0.0.1:7400" }, "cluster", {
    about:
      "Every node: id → host:port. The one port carries HTTP and WebSocket; the other nodes must " +
      "reach it there. An odd number survives the most failures for its size.",
    tooLow: "One or two nodes survive no failure.",
    tooHigh: "Each append waits for more than half of the nodes; at most 31.",
  }),
  listen: key.address("", "node", {
    standardText: "the node's address in nodes",
    about:
      "Where this node listens, as host:port, when that is not its address in `nodes`: behind " +
      "NAT, a published container port or a floating address. 0.0.0.0 stands for every address " +
      "of the machine, [::] for those of IPv6, too. Others still use the one in `nodes`.",
  }),
  data: key.path(undefined, "node", {
    about:
      "Data directory of this node alone, for everything it knows; a relative path starts at the " +
      "folder of the file. Use ${node} in it when nodes share a machine.",
  }),
  insecure: key.switch(false, "node", {
    about:
      "Allows addresses beyond loopback although connections are neither encrypted nor " +
      "authenticated. Without it such a configuration is refused.",
  }),
  logs: key.names(["audit"], "node", {
    about:
      "Logs created when the cluster is born, by the node that leads the birth. Without effect " +
      "later: then `annals log create` makes logs.",
    tooHigh: "Each log costs heartbeats, files and memory on every node; at most 256 here.",
  }),
  log: z.strictObject({
    level: key.level("info", "node", {
      about: `Least severity of the lines that the node writes to stderr: ${LOG_LEVELS.join(", ")}.`,
    }),
    compression: key.compression("none", "node", {
      about:
        `How this node, while it leads, compresses the records of a batch: ${LOG_COMPRESSIONS.join(", ")}. Followers store what ` +
        "they receive, and every node reads both, so it may be changed at any time.",
    }),
  }),
};
