import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { MemberId } from "@annals/raft";
import { fingerprint } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { PEER_PATH } from "@annals/transport";
import { encodeFrame, PROTOCOL_VERSION } from "@annals/wire";
import type { Frame, LinkPurpose } from "@annals/wire";
import { WebSocket } from "ws";
import { NodeIdentity } from "../src/identity.ts";

/** What a node's disk says of it, which a thief of the disk would know, too. */
export interface StolenIdentity {
  readonly config: NodeConfig;
  readonly member: MemberId;
  readonly clusterId: string;
  readonly members: readonly { readonly node: string; readonly member: MemberId }[];
  /** Id of the one log beside `_system`. */
  readonly logId: number;
}

/** Of a node that has stopped. */
export async function steal(config: NodeConfig): Promise<StolenIdentity> {
  const { member, certificate } = await NodeIdentity.open(config.data, config.node);
  if (certificate === undefined) throw new Error("the node was never born");
  const logs = (await readdir(join(config.data, "logs"))).filter((name) => name !== "0");
  const { clusterId, members } = certificate;
  return { config, member, clusterId, members, logId: Number(logs[0]) };
}

/** Plays a node towards another one: whatever it sends is well-formed, and it dials again when it was cut off. */
export class RoguePeer {
  readonly #stolen: StolenIdentity;
  readonly #url: string;
  readonly #links = new Map<LinkPurpose, WebSocket>();
  /** How often links of it ended for which reason. */
  readonly endings = new Map<string, number>();

  constructor(stolen: StolenIdentity, url: string) {
    this.#stolen = stolen;
    this.#url = `${url.replace("http", "ws")}${PEER_PATH}`;
  }

  /** Sends over an open link, dialled first if there is none; resolves when the other side has read it, or has ended the link. */
  async send(purpose: LinkPurpose, frame: Frame): Promise<void> {
    const link = await this.#open(purpose);
    link.send(encodeFrame(frame));
    await new Promise<void>((resolve) => {
      const done = (): void => {
        link.off("pong", done).off("close", done);
        resolve();
      };
      link.on("pong", done).on("close", done);
      link.ping();
    });
  }

  close(): void {
    for (const link of this.#links.values()) link.terminate();
  }

  async #open(purpose: LinkPurpose): Promise<WebSocket> {
    const before = this.#links.get(purpose);
    if (before?.readyState === WebSocket.OPEN) return before;
    for (;;) {
      const link = await this.#dial(purpose);
      if (link === undefined) continue;
      this.#links.set(purpose, link);
      return link;
    }
  }

  /** Undefined if it was refused. */
  async #dial(purpose: LinkPurpose): Promise<WebSocket | undefined> {
    const { config, clusterId, member, logId } = this.#stolen;
    const socket = new WebSocket(this.#url, { perMessageDeflate: false });
    socket.on("error", () => undefined);
    socket.on("close", (_code, reason) => {
      const code = reason.toString();
      this.endings.set(code, (this.endings.get(code) ?? 0) + 1);
    });
    const hello: Frame = {
      kind: "hello",
      protocol: PROTOCOL_VERSION,
      cluster: config.cluster,
      clusterId,
      node: config.node,
      member,
      address: "127.0.0.1:1",
      fingerprint: fingerprint(config),
      purpose,
      logId: purpose === "control" ? undefined : logId,
      epoch: 1,
      limits: { maxMessageBytes: config.replication.maxMessageBytes },
    };
    socket.on("open", () => socket.send(encodeFrame(hello)));
    await new Promise<void>((resolve) => {
      socket.once("message", () => resolve());
      socket.once("close", () => resolve());
    });
    return socket.readyState === WebSocket.OPEN ? socket : undefined;
  }
}
