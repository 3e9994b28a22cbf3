import { randomInt } from "node:crypto";
import { Backoff } from "@annals/flow";
import type { LogIndex, MemberId } from "@annals/raft";
import type { RepairPage } from "@annals/replica";
import { PEER_PATH, PROTOCOL_VERSION, RepairLink } from "@annals/transport";
import type { PeerAddress, WorkerSetup } from "../lane/messages.ts";

export interface RepairPeersOptions {
  readonly logId: number;
  readonly setup: WorkerSetup;
  readonly members: () => readonly PeerAddress[];
}

const HANDSHAKE_TIMEOUT_MS = 3000;
/** A peer that is there answers from its disk; one that is not costs a repair so long per round. */
const ANSWER_TIMEOUT_MS = 5000;
const REDIAL_INITIAL_MS = 50;
const REDIAL_MAX_MS = 2000;

/** The other nodes, as far as they can help with damaged entries of one log. Links are dialled when they are first needed. */
export class RepairPeers {
  readonly #options: RepairPeersOptions;
  readonly #links = new Map<string, RepairLink>();
  #closed = false;

  constructor(options: RepairPeersOptions) {
    this.#options = options;
  }

  members(): readonly MemberId[] {
    const { members, setup } = this.#options;
    return members().flatMap(({ member }) => (member === setup.self ? [] : [member]));
  }

  async fetch(
    from: MemberId,
    first: LogIndex,
    last: LogIndex,
  ): Promise<RepairPage | "unavailable"> {
    const peer = this.#options.members().find(({ member }) => member === from);
    if (peer === undefined || this.#closed) return "unavailable";
    const link = this.#links.get(peer.node) ?? this.#dial(peer);
    const page = await link.fetch(first, last);
    return page === undefined || page.entries.length === 0 ? "unavailable" : page;
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #dial(peer: PeerAddress): RepairLink {
    const { setup, logId } = this.#options;
    const { config } = setup;
    const { maxMessageBytes } = config.replication;
    const link = new RepairLink({
      url: `ws://${peer.address}${PEER_PATH}`,
      hello: () => ({
        protocol: PROTOCOL_VERSION,
        cluster: config.cluster,
        clusterId: setup.clusterId,
        node: config.node,
        member: setup.self,
        address: config.nodes[config.node] ?? "",
        fingerprint: setup.fingerprint,
        purpose: "repair",
        logId,
        limits: { maxMessageBytes },
      }),
      maxMessageBytes,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
      backoff: new Backoff({
        initialMs: REDIAL_INITIAL_MS,
        maxMs: REDIAL_MAX_MS,
        randomBelow: randomInt,
      }),
    });
    this.#links.set(peer.node, link);
    return link;
  }
}
