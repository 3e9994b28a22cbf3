import type { LogIndex, MemberId } from "@annals/raft";
import type { RepairPage } from "@annals/replica";
import { RepairLink } from "@annals/transport";
import type { PeerAddress, WorkerSetup } from "./lane/messages.ts";
import { logDialling } from "./logDialling.ts";

export interface RepairPeersOptions {
  readonly logId: number;
  readonly setup: WorkerSetup;
  readonly members: () => readonly PeerAddress[];
  /** Whether a member has a say in this log; it counts as a member even so. */
  readonly heeds: (member: MemberId) => boolean;
}

/** A peer that is there answers from its disk; one that is not costs a repair so long per round. */
const ANSWER_TIMEOUT_MS = 5000;
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
    if (peer === undefined || this.#closed || !this.#options.heeds(from)) return "unavailable";
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
    const link = new RepairLink({
      ...logDialling(setup, peer, "repair", logId, REDIAL_MAX_MS),
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
    });
    this.#links.set(peer.node, link);
    return link;
  }
}
