import { randomUUID } from "node:crypto";
import type { MemberId } from "@annals/raft";
import type { BirthCertificate } from "./certificate.ts";

interface Peer {
  readonly member: MemberId;
  readonly blank: boolean;
}

/**
 * Decides when a cluster is born: once every configured node was seen, and every one is blank. The first node in the order of their names
 * writes the certificate; the others wait for it. A blank node that meets a node with state is no birth.
 */
export class Birth {
  readonly #cluster: string;
  readonly #node: string;
  readonly #nodes: readonly string[];
  readonly #logs: readonly string[];
  readonly #peers = new Map<string, Peer>();

  constructor(options: {
    cluster: string;
    node: string;
    member: MemberId;
    nodes: readonly string[];
    logs: readonly string[];
  }) {
    this.#cluster = options.cluster;
    this.#node = options.node;
    this.#nodes = options.nodes.toSorted();
    this.#logs = options.logs;
    this.#peers.set(options.node, { member: options.member, blank: true });
  }

  /** A peer answered our hello. */
  seen(node: string, member: MemberId, clusterId: string | undefined): void {
    this.#peers.set(node, { member, blank: clusterId === undefined });
  }

  gone(node: string): void {
    this.#peers.delete(node);
  }

  /** The nodes without which there is no birth. */
  waitingFor(): readonly string[] {
    return this.#nodes.filter((node) => this.#peers.get(node)?.blank !== true);
  }

  /** The certificate, if this node is the one to write it and everybody is there. */
  certificate(): BirthCertificate | undefined {
    if (this.#nodes[0] !== this.#node || this.waitingFor().length > 0) return undefined;
    const members = this.#nodes.flatMap((node) => {
      const peer = this.#peers.get(node);
      return peer === undefined ? [] : [{ node, member: peer.member }];
    });
    return { clusterId: randomUUID(), cluster: this.#cluster, members, logs: this.#logs };
  }
}
