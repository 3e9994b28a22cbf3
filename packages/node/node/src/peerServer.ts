import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { HANDSHAKES_MAX } from "@annals/config";
import { FRAMING_BYTES, Gauge } from "@annals/flow";
import type { Ledger } from "@annals/flow";
import { httpError, refuseUpgrade, STREAM_PATH } from "@annals/http";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { InboundLink, PEER_PATH, tellTime } from "@annals/transport";
import type { InboundHandler, LinkFault } from "@annals/transport";
import { assertPlaced, decodeFrame, encodeFrame } from "@annals/wire";
import type { Frame, HelloFrame } from "@annals/wire";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import type { WorkerHandle } from "./workerHandle.ts";

export interface PeerServerOptions {
  readonly logger: Logger;
  readonly maxMessageBytes: number;
  readonly maxQueueBytes: number;
  /** Links from all peers together; a further one is turned away. */
  readonly maxLinks: number;
  readonly ledger: Ledger;
  /** Verifies the peer and says what it is greeted with; throws the named refusal. */
  readonly onHello: (hello: HelloFrame) => readonly Frame[];
  /** A frame that may come over a control link. */
  readonly onControl: (peer: HelloFrame, frame: Frame) => void;
  /** The worker that holds the log of a data link; throws if there is none. */
  readonly workerOf: (logId: number) => WorkerHandle;
}

/** Serves some of the WebSocket upgrades of the port. */
export interface UpgradeServer {
  serves(request: IncomingMessage): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

interface DataLinkPlace {
  readonly link: InboundLink;
  readonly worker: WorkerHandle;
  readonly node: string;
  readonly member: MemberId;
  readonly logId: number;
  readonly purpose: "data" | "repair";
}

const HELLO_TIMEOUT_MS = 5000;
const TELL_AGAIN_MS = 60_000;
const TOLD_MAX = 1000;
const REPLACED: LinkFault = { code: "ERR_LINK_REPLACED", reason: "the peer has dialled anew" };

/** Accepts links from peers on the node's one port: control frames stay here, data frames go on to workers as bytes. */
export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #sockets: WebSocketServer;
  readonly #links = new Set<InboundLink>();
  readonly #dataLinks = new Map<number, DataLinkPlace>();
  readonly #faults = new Map<string, number>();
  readonly #peers = new Map<string, { readonly member: MemberId; readonly link: InboundLink }>();
  /** When each reason was last told, by reason and peer. */
  readonly #told = new Map<string, number>();
  /** Links whose peer has not said hello yet. */
  readonly #handshakes: Gauge;
  #nextLinkId = 1;

  constructor(options: PeerServerOptions) {
    this.#options = options;
    this.#handshakes = options.ledger.family("receive.handshakes").gauge(HANDSHAKES_MAX);
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: options.maxMessageBytes,
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
  }

  /** Serves every upgrade but those that `other` does. */
  attach(server: Server, other?: UpgradeServer): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (other?.serves(request) === true) {
        other.upgrade(request, socket, head);
        return;
      }
      const refusal = this.#refusal(request.url);
      if (refusal !== undefined) {
        refuseUpgrade(socket, refusal);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.#handshakes.add(1);
        const link: InboundLink = new InboundLink({
          socket: webSocket,
          connection: socket,
          helloTimeoutMs: HELLO_TIMEOUT_MS,
          maxQueueBytes: this.#options.maxQueueBytes,
          pauses: this.#options.ledger,
          frames: this.#options.ledger.family("receive.frames"),
          onHello: (hello) => {
            const handler = this.#handler(hello, link);
            this.#handshakes.remove(1);
            return handler;
          },
          onFault: (fault) => {
            this.#handshakes.remove(1);
            this.#ended(link, fault, { address: request.socket.remoteAddress });
          },
        });
        this.#links.add(link);
      });
    });
  }

  #refusal(path: string | undefined): AnnalsError | undefined {
    if (path !== PEER_PATH) {
      const served = `${PEER_PATH} and ${STREAM_PATH}`;
      return httpError("ERR_ROUTE_NOT_FOUND", `upgrades are served under ${served} only`);
    }
    const { current, cap } = this.#handshakes;
    const { maxLinks } = this.#options;
    if (this.#links.size < maxLinks && current < cap) return undefined;
    const what = `${this.#links.size} links are open (cap ${maxLinks}), ${current} of them without a hello (cap ${cap})`;
    return httpError("ERR_TOO_MANY_CONNECTIONS", what, { retryable: true });
  }

  /** How often links ended for each named reason. */
  faults(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#faults);
  }

  /** The nodes that have a control link to this one open, with the incarnation they came as. */
  peers(): ReadonlyMap<string, MemberId> {
    return new Map([...this.#peers].map(([node, { member }]) => [node, member]));
  }

  sendTo(linkId: number, frames: readonly Uint8Array[]): void {
    this.#dataLinks.get(linkId)?.link.sendTogether(frames);
  }

  /** The worker is done with so many bytes and frames of a link, which may be gone by now. */
  released(
    worker: WorkerHandle,
    {
      linkId,
      bytes,
      frames,
    }: { readonly linkId: number; readonly bytes: number; readonly frames: number },
  ): void {
    worker.queue.remove(bytes, frames);
    this.#dataLinks.get(linkId)?.link.release(bytes, frames);
  }

  /** Reasons for which the sockets of a log's inbound data links are paused here, by the member that streams. */
  paused(logId: number): readonly { member: MemberId; reasons: readonly string[] }[] {
    return [...this.#dataLinks.values()]
      .filter((place) => place.logId === logId && place.link.gate.paused)
      .map(({ member, link }) => ({ member, reasons: [...link.gate.reasons().keys()] }));
  }

  fault(linkId: number, fault: LinkFault): void {
    this.#dataLinks.get(linkId)?.link.close(fault);
  }

  /** Ends all links that a member has dialled. */
  faultOf(member: MemberId, fault: LinkFault): void {
    for (const peer of this.#peers.values()) if (peer.member === member) peer.link.close(fault);
    for (const place of this.#dataLinks.values())
      if (place.member === member) place.link.close(fault);
  }

  /** The worker is gone, and with it what its links had brought: the leaders dial again. */
  dropWorker(worker: WorkerHandle): void {
    for (const { link, worker: owner } of this.#dataLinks.values()) {
      if (owner === worker)
        link.close({ code: "ERR_WORKER_LOST", reason: "the log's worker ended" });
    }
  }

  close(): void {
    for (const link of this.#links)
      link.close({ code: "ERR_NODE_STOPPING", reason: "this node is shutting down" });
    this.#sockets.close();
  }

  #handler(hello: HelloFrame, link: InboundLink): InboundHandler {
    const greeting = this.#options.onHello(hello);
    return hello.purpose === "control"
      ? this.#control(hello, link, greeting)
      : this.#data(hello, link, greeting);
  }

  #control(hello: HelloFrame, link: InboundLink, greeting: readonly Frame[]): InboundHandler {
    const { node, member } = hello;
    const before = this.#peers.get(node);
    if (before?.member === member) before.link.close(REPLACED);
    this.#peers.set(node, { member, link });
    return {
      greeting,
      maxUnreadBytes: FRAMING_BYTES,
      unread: this.#options.ledger.family("send.answers"),
      onBytes: (bytes) => {
        const frame = decodeFrame(bytes);
        assertPlaced(frame, "control:dialler");
        if (frame.kind === "askTime") link.send(encodeFrame(tellTime(frame, Date.now())));
        else this.#options.onControl(hello, frame);
        link.release(bytes.length);
      },
      onClose: (fault) => {
        if (this.#peers.get(node)?.link === link) this.#peers.delete(node);
        this.#ended(link, fault, { peer: node, purpose: "control" });
      },
    };
  }

  #data(hello: HelloFrame, link: InboundLink, greeting: readonly Frame[]): InboundHandler {
    const { logId } = hello;
    if (logId === undefined)
      throw new AnnalsError("ERR_FRAME_UNEXPECTED", "a data link without a log");
    const { node, member } = hello;
    const purpose = hello.purpose === "repair" ? "repair" : "data";
    const worker = this.#options.workerOf(logId);
    if (worker.laneFull)
      throw new AnnalsError("ERR_LINK_CONGESTED", "the log's worker does not keep up");
    this.#replaceLink(node, logId, purpose);
    const linkId = this.#nextLinkId++;
    this.#dataLinks.set(linkId, { link, worker, node, member, logId, purpose });
    worker.queue.join(link.gate);
    worker.send({
      kind: "linkOpened",
      linkId,
      logId,
      from: hello.member,
      epoch: hello.epoch,
      purpose,
    });
    const { maxMessageBytes, ledger } = this.#options;
    return {
      greeting,
      ...(purpose === "repair"
        ? { maxUnreadBytes: 2 * maxMessageBytes, unread: ledger.family("send.repair") }
        : { unread: ledger.family("send.acks") }),
      onBytes: (bytes) => {
        if (purpose === "repair") this.#assertRead(link);
        worker.queue.add(bytes.length);
        worker.send({ kind: "linkFrame", linkId, bytes });
      },
      onClose: (fault) => {
        this.#dataLinks.delete(linkId);
        worker.queue.leave(link.gate);
        worker.send({ kind: "linkClosed", linkId });
        this.#ended(link, fault, { peer: hello.node, purpose, logId });
      },
    };
  }

  /** A node streams a log over one link: that it dials again means that the one before is dead, whatever TCP believes. */
  #replaceLink(node: string, logId: number, purpose: DataLinkPlace["purpose"]): void {
    for (const place of this.#dataLinks.values()) {
      const same = place.node === node && place.logId === logId && place.purpose === purpose;
      if (same) place.link.close(REPLACED);
    }
  }

  /** Whoever asks for more has read what it asked for before: answers never gather here. */
  #assertRead(link: InboundLink): void {
    if (link.bufferedBytes <= this.#options.maxMessageBytes) return;
    const reason = `asked again with ${link.bufferedBytes} bytes of answers unread`;
    throw new AnnalsError("ERR_FRAME_UNEXPECTED", reason);
  }

  /** A peer that is refused dials again and again: the same reason from the same peer is told once a minute. */
  #isNews({ code }: LinkFault, fields: Readonly<Record<string, unknown>>): boolean {
    if (code === "ERR_LINK_CLOSED" || code === REPLACED.code) return false;
    const key = `${code} ${String(fields["peer"] ?? fields["address"])}`;
    const now = performance.now();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) return false;
    if (this.#told.size >= TOLD_MAX) this.#told.clear();
    this.#told.set(key, now);
    return true;
  }

  #ended(link: InboundLink, fault: LinkFault, fields: Readonly<Record<string, unknown>>): void {
    this.#links.delete(link);
    this.#faults.set(fault.code, (this.#faults.get(fault.code) ?? 0) + 1);
    const level = this.#isNews(fault, fields) ? "warn" : "debug";
    this.#options.logger[level]({ ...fields, ...fault }, "peer link ended");
  }
}
