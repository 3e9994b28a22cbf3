import type { IncomingMessage } from "node:http";
import { HOP_HEADER } from "./forwarder.ts";

/** Who sent a request, as its head says. Untrusted: a head may lie, so every kind has a cap of its own. */
export type Requester =
  | { readonly kind: "client" }
  /** Another node of the cluster passes a request on. */
  | { readonly kind: "node"; readonly node: string }
  /** An orchestrator, a scraper or `annals cluster health` asks how the node is. */
  | { readonly kind: "operator" };

const OPERATOR_PATHS: ReadonlySet<string> = new Set([
  "/healthz",
  "/readyz",
  "/metrics",
  "/v1/cluster",
]);

const CLIENT: Requester = { kind: "client" };
const OPERATOR: Requester = { kind: "operator" };

/** `peers` are the ids of the other nodes. */
export function requesterOf(
  { method, url, headers }: Pick<IncomingMessage, "method" | "url" | "headers">,
  peers: ReadonlySet<string>,
): Requester {
  const hop = headers[HOP_HEADER];
  if (typeof hop === "string" && peers.has(hop)) return { kind: "node", node: hop };
  const [path = ""] = (url ?? "").split("?", 1);
  const asks = method === "GET" || method === "HEAD";
  return asks && OPERATOR_PATHS.has(path) ? OPERATOR : CLIENT;
}
