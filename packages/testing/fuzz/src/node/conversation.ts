import { connect } from "node:net";
import { setImmediate as turn, setTimeout as silence } from "node:timers/promises";

/** What one client says over one connection, and how it leaves. */
export interface Conversation {
  /** HTTP, the client stream, or a peer. */
  readonly door: "http" | "stream" | "peer";
  readonly pieces: readonly Uint8Array[];
  /** `wait`: until the node has answered something; `half`: ends its own side and reads on; `reset`: RST at once. */
  readonly ending: "wait" | "half" | "reset" | "close";
}

/** A node answers or closes within its own timeouts; who says nothing for so long is left. */
const SILENCE_MS = 200;

/**
 * Holds one conversation. Resolves with what the node said first, in a word: the status of an answer, `accepted` bytes of an upgraded
 * connection, or how it ended. Rejects only if nobody listens there.
 */
export async function converse(port: number, { pieces, ending }: Conversation): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.setNoDelay(true);
  let heard = "";
  let told: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    told = resolve;
  });
  socket.on("data", (bytes) => {
    if (heard.length < 64) heard += bytes.toString("latin1");
    told();
  });
  socket.on("end", () => told());
  const ended = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.on("close", () => resolve("closed"));
  });
  const failed = await Promise.race([
    ended,
    new Promise<undefined>((resolve) => socket.once("connect", () => resolve(undefined))),
  ]);
  if (failed === "ECONNREFUSED") throw new Error(`nobody listens on port ${port}`);
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    await turn();
  }
  if (ending === "reset") socket.resetAndDestroy();
  if (ending === "half") socket.end();
  if (ending === "wait" || ending === "half")
    await Promise.race([answered, ended, silence(SILENCE_MS)]);
  socket.destroy();
  const how = await ended;
  return /^HTTP\/1\.[01] (\d{3})/.exec(heard)?.[1] ?? (heard === "" ? how : "bytes");
}
