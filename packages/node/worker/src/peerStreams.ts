import type { Ledger } from "@annals/flow";
import type { MemberId, Message } from "@annals/raft";
import type { BlobFiles, PeerTransport } from "@annals/replica";
import { DataLink, StreamFigures } from "@annals/transport";
import type { LinkFault, Permits } from "@annals/transport";
import { encodeMessages } from "@annals/wire";
import { exactly } from "@annals/channel";
import type {
  FromWorker,
  HostedLogStatus,
  PeerAddress,
  PeerChange,
  WorkerSetup,
} from "./lane/messages.ts";
import type { LinkReplies } from "./linkReplies.ts";
import { logDialling } from "./logDialling.ts";

export interface PeerStreamsOptions {
  readonly logId: number;
  readonly setup: WorkerSetup;
  readonly members: () => readonly PeerAddress[];
  readonly blobs: BlobFiles;
  readonly blobPermits: Permits;
  readonly ledger: Ledger;
  readonly sendToGateway: (message: FromWorker) => void;
  /** Heartbeats and votes may be lost: true while the lane to the gateway is full. */
  readonly congested: () => boolean;
  readonly onMessages: (messages: readonly Message[], from: MemberId) => void;
  /** A member has an attachment that was offered to it. */
  readonly onBlobHeld: (member: MemberId) => void;
  readonly onLost: (member: MemberId, fault: LinkFault) => void;
}

const PROGRESS_TIMEOUT_MS = 30_000;
const REDIAL_MAX_MS = 3000;

/**
 * The messages of one log to its peers. Entries go over data links that this worker dials, acks go back over the link that brought the
 * entries, everything else goes over the node's control links: a follower that takes no entries still hears heartbeats.
 */
export class PeerStreams implements PeerTransport {
  readonly #options: PeerStreamsOptions;
  readonly #links = new Map<MemberId, DataLink>();
  /** Of the streams of all leaderships here, by follower. */
  readonly #figures = new Map<MemberId, StreamFigures>();
  /** Open data links of leaders that stream to us: where acks go back. */
  readonly #upstreams = new Map<MemberId, LinkReplies>();
  #closed = false;

  constructor(options: PeerStreamsOptions) {
    this.#options = options;
  }

  send(to: MemberId, messages: readonly Message[]): void {
    if (this.#closed) return;
    const data: Message[] = [];
    const acks: Message[] = [];
    const control: Message[] = [];
    for (const message of messages) {
      if (message.kind === "appendEntries" || message.kind === "installSnapshot")
        data.push(message);
      else if (message.kind === "appendEntriesResponse") acks.push(message);
      else control.push(message);
    }
    if (data.length > 0) this.#link(to)?.send(data);
    const upstream = this.#upstreams.get(to);
    if (upstream === undefined) control.push(...acks);
    else if (acks.length > 0) upstream.acknowledge(acks);
    if (control.length > 0 && !this.#options.congested()) this.#sendControl(to, control);
  }

  /** A leader has dialled in to stream to us; its newest link wins. */
  upstreamOpened(from: MemberId, replies: LinkReplies): void {
    this.#upstreams.set(from, replies);
  }

  upstreamClosed(from: MemberId, replies: LinkReplies): void {
    if (this.#upstreams.get(from) === replies) this.#upstreams.delete(from);
  }

  /** TCP alone would tell these streams much later. */
  peerChanged(node: string, change: PeerChange): void {
    for (const { member } of this.#options.members().filter((peer) => peer.node === node)) {
      const link = this.#links.get(member);
      if (change.kind === "back") link?.peerBack();
      else link?.peerSilent(change.silentMs);
    }
  }

  /** The replica of a member has answered over the control links. */
  heard(from: MemberId): void {
    this.#links.get(from)?.peerServes();
  }

  /** A member has said what no replica says: the stream to it is dialled anew. */
  cut(member: MemberId, fault: LinkFault): void {
    this.#links.get(member)?.cut(fault);
  }

  /** What was sent to each member since the log was opened here. */
  sent(): HostedLogStatus["sent"] {
    return [...this.#figures].map(([member, figures]) => ({ member, reading: figures.read() }));
  }

  /** This replica does not lead: nobody is to be streamed to. */
  closeLinks(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  close(): void {
    this.#closed = true;
    this.closeLinks();
  }

  #sendControl(to: MemberId, messages: readonly Message[]): void {
    const bytes = exactly(encodeMessages(messages));
    this.#options.sendToGateway({ kind: "control", to, logId: this.#options.logId, bytes });
  }

  #link(to: MemberId): DataLink | undefined {
    const existing = this.#links.get(to);
    if (existing !== undefined) return existing;
    const peer = this.#options.members().find((one) => one.member === to);
    if (peer === undefined) return undefined;
    const link = this.#dial(peer);
    this.#links.set(to, link);
    return link;
  }

  #figuresOf(member: MemberId): StreamFigures {
    const { members, setup } = this.#options;
    const known = new Set(members().map((peer) => peer.member));
    for (const old of this.#figures.keys()) if (!known.has(old)) this.#figures.delete(old);
    const figures = this.#figures.get(member) ?? new StreamFigures(setup.config.replication.append);
    this.#figures.set(member, figures);
    return figures;
  }

  #dial(peer: PeerAddress): DataLink {
    const { setup, logId, onMessages, onBlobHeld, onLost } = this.#options;
    const { append } = setup.config.replication;
    return new DataLink({
      ...logDialling(setup, peer, "data", logId, REDIAL_MAX_MS),
      figures: this.#figuresOf(peer.member),
      self: setup.self,
      follower: peer.member,
      // The item that may cross the high-water mark of the follower.
      maxFrameEntries: append.maxEntries,
      // Raft's window, and one message that may overdraw it.
      maxQueuedBytes: append.maxInflightBytes + append.maxBytes,
      maxQueuedMessages: 2 * append.maxInflightMessages,
      progressTimeoutMs: PROGRESS_TIMEOUT_MS,
      blobs: this.#options.blobs,
      blobPermits: this.#options.blobPermits,
      ledger: this.#options.ledger,
      onMessages: (messages) => onMessages(messages, peer.member),
      onBlobHeld: () => onBlobHeld(peer.member),
      onLost: (fault) => onLost(peer.member, fault),
    });
  }
}
