/**
 * Loaded into every node before the command itself (`node --import`), in its main thread and its workers. The configuration knows one
 * address per node for the whole cluster, so the way through a fault proxy of one's own must be taken below it: where sockets are made.
 *
 *   DRILL_ROUTES       JSON, { "host:port" of a peer: "host:port" to dial instead }
 *   DRILL_SOURCE       the address to dial peers from, so that packet filters can tell who sends
 *   DRILL_END_WORKER   a file; when it appears, a worker thread takes it away and ends: any, or the one that has the log it names.
 *                      While the same name with `.poison` is there, every worker ends that has, or is given, the log it names
 */
import { readFileSync, unlinkSync } from "node:fs";
import { Socket } from "node:net";
import type { TcpNetConnectOpts } from "node:net";
import { isMainThread, parentPort } from "node:worker_threads";

const END_POLL_MS = 100;
const EXIT_CODE = 3;

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

/** What the lane brings to a worker: turns of messages, of which those are of interest that give it a log. */
interface Parcel {
  readonly turn?: readonly { readonly kind?: unknown; readonly name?: unknown }[];
}
type Listener = (value: unknown) => void;

if (endFile !== undefined && !isMainThread && parentPort !== null)
  endWhenAsked(endFile, parentPort);

function endWhenAsked(endFile: string, port: NonNullable<typeof parentPort>): void {
  const logs = new Set<unknown>();
  const poisoned = (): boolean => logs.has(textOf(`${endFile}.poison`));
  const end = (): never => process.exit(EXIT_CODE);
  const on = port.on.bind(port) as (event: string, listener: Listener) => unknown;
  const listen = (event: string, listener: Listener): unknown =>
    on(event, (value) => {
      if (event === "message") {
        for (const { kind, name } of (value as Parcel).turn ?? [])
          if (kind === "open") logs.add(name);
        if (poisoned()) end();
      }
      listener(value);
    });
  Object.assign(port, { on: listen });
  const poll = setInterval(() => {
    if (poisoned()) end();
    const log = textOf(endFile);
    if (log === undefined || (log !== "" && !logs.has(log))) return;
    // Whoever takes the file away has been chosen.
    if (takeAway(endFile)) end();
  }, END_POLL_MS);
  poll.unref();
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function takeAway(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch {
    return false;
  }
}
