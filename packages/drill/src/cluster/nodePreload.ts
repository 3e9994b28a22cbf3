/**
 * Loaded into every node before the command itself (`node --import`), in its main thread and its workers. The configuration knows one
 * address per node for the whole cluster, so the way through a fault proxy of one's own must be taken below it: where sockets are made.
 *
 *   DRILL_ROUTES   JSON, { "host:port" of a peer: "host:port" to dial instead }
 *   DRILL_SOURCE   the address to dial peers from, so that packet filters can tell who sends
 *   DRILL_END_WORKER      a file; when it appears, a worker thread takes it away and ends
 */
import { unlink } from "node:fs/promises";
import { Socket } from "node:net";
import type { TcpNetConnectOpts } from "node:net";
import { isMainThread } from "node:worker_threads";

const END_POLL_MS = 100;

const routes = new Map<string, string>(
  Object.entries(JSON.parse(process.env["DRILL_ROUTES"] ?? "{}")),
);
const source = process.env["DRILL_SOURCE"];
const endFile = process.env["DRILL_END_WORKER"];

type Connect = (this: Socket, ...parameters: unknown[]) => Socket;

if (routes.size > 0) {
  // oxlint-disable-next-line unbound-method -- called with the socket it belongs to
  const connect = Socket.prototype.connect as Connect;
  const detour: Connect = function (this: Socket, ...parameters) {
    const [first] = parameters;
    const options: unknown = Array.isArray(first) ? first[0] : first;
    if (typeof options === "object" && options !== null) redirect(options);
    return connect.apply(this, parameters);
  };
  Socket.prototype.connect = detour;
}

function redirect(options: Partial<TcpNetConnectOpts>): void {
  const target = routes.get(`${options.host}:${options.port}`);
  if (target === undefined) return;
  const colon = target.lastIndexOf(":");
  options.host = target.slice(0, colon);
  options.port = Number(target.slice(colon + 1));
  if (source !== undefined) options.localAddress = source;
}

if (endFile !== undefined && !isMainThread) {
  const poll = setInterval(() => {
    // Whoever takes the file away has been chosen.
    unlink(endFile).then(
      () => process.exit(3),
      () => undefined,
    );
  }, END_POLL_MS);
  poll.unref();
}
