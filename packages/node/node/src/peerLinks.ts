import { randomInt } from "node:crypto";
import type { NodeConfig } from "@annals/config";
import { Backoff } from "@annals/flow";
import type { Ledger } from "@annals/flow";
import { ControlLink, PEER_GONE, PEER_PATH } from "@annals/transport";
import type { LinkFault } from "@annals/transport";
import type { Frame, WelcomeFrame } from "@annals/wire";
import { peerHello } from "@annals/worker";
import type { PeerChange } from "@annals/worker";
import type { Logger } from "pino";
import type { ClockWatch } from "./clockWatch.ts";
import type { NodeIdentity } from "./identity.ts";

export interface PeerLinksOptions {
  readonly config: NodeConfig;
  readonly identity: NodeIdentity;
  readonly fingerprint: string;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly clocks: ClockWatch;
  /** Throws to refuse the peer. */
  readonly onWelcome: (node: string, welcome: WelcomeFrame) => void;
  readonly onFrame: (node: string, frame: Frame) => void;
  readonly onDown: (node: string, change: PeerChange) => void;
}

/** What is known of a peer now. */
export interface PeerState {
  readonly node: string;
  readonly reachable: boolean;
  /** Why not, when it is not. */
  readonly fault: LinkFault | undefined;
}

const HANDSHAKE_TIMEOUT_MS = 3000;
const REDIAL_INITIAL_MS = 50;
/** A node that comes back is met within this. */
const REDIAL_MAX_MS = 1000;

/** The control links that this node dials: one to each other node. */
export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #links = new Map<string, ControlLink>();
  readonly #faults = new Map<string, LinkFault>();

  constructor(options: PeerLinksOptions) {
    this.#options = options;
    const { config } = options;
    for (const [node, address] of Object.entries(config.nodes)) {
      if (node !== config.node) this.#links.set(node, this.#dial(node, address));
    }
  }

  send(node: string, logId: number, bytes: Uint8Array): void {
    this.#links.get(node)?.send(logId, bytes);
  }

  sendFrame(node: string, frame: Frame): void {
    this.#links.get(node)?.sendFrame(frame);
  }

  states(): readonly PeerState[] {
    return [...this.#links].map(([node, link]) => ({
      node,
      reachable: link.open,
      fault: link.open ? undefined : this.#faults.get(node),
    }));
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }

  #dial(node: string, address: string): ControlLink {
    const { config, identity, fingerprint, onWelcome, onFrame } = this.#options;
    return new ControlLink({
      url: `ws://${address}${PEER_PATH}`,
      hello: () =>
        peerHello(
          {
            config,
            clusterId: identity.certificate?.clusterId,
            self: identity.member,
            fingerprint,
          },
          "control",
          undefined,
        ),
      maxMessageBytes: config.replication.maxMessageBytes,
      buffered: this.#options.ledger.family("send.control"),
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      backoff: new Backoff({
        initialMs: REDIAL_INITIAL_MS,
        maxMs: REDIAL_MAX_MS,
        randomBelow: randomInt,
      }),
      clock: this.#options.clocks.questions(node),
      onOpen: (welcome) => {
        onWelcome(node, welcome);
        this.#faults.delete(node);
        this.#options.logger.info({ peer: node }, "control link open");
      },
      onFrame: (frame) => onFrame(node, frame),
      onDown: (fault, silentMs) => this.#down(node, fault, silentMs),
    });
  }

  /** Logged when the reason changes: a peer that is away for hours must not fill the log. */
  #down(node: string, fault: LinkFault, silentMs: number): void {
    if (this.#faults.get(node)?.code !== fault.code) {
      this.#options.logger.warn({ peer: node, ...fault }, "control link down");
    }
    this.#faults.set(node, fault);
    const kind = fault.code === PEER_GONE ? "gone" : "silent";
    this.#options.onDown(node, { kind, silentMs });
  }
}
