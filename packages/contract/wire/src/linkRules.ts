/**
 * What may travel where, of all that the layouts can express. A kind that has no row does not compile; one that this version never sends is
 * in no place, so nobody can send it to us either.
 */
import type { MemberId, Message } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { Frame, LinkPurpose } from "./frames.ts";
import { APPEND_ENTRIES_MAX } from "./entries.ts";
import { MessageReader } from "./messages.ts";

/** A link's purpose and who speaks: the one that dialled, or the one that accepted. */
export type LinkPlace = `${LinkPurpose}:${"dialler" | "acceptor"}`;

const ACCEPTORS: readonly LinkPlace[] = ["control:acceptor", "data:acceptor", "repair:acceptor"];
const NOWHERE: readonly LinkPlace[] = [];
const CONTROL: readonly LinkPlace[] = ["control:dialler"];

/** Where each kind of frame may come once the handshake is done. `hello` and `welcome` are the handshake. */
export const FRAME_PLACES: Readonly<Record<Frame["kind"], readonly LinkPlace[]>> = {
  hello: NOWHERE,
  welcome: NOWHERE,
  refuse: ACCEPTORS,
  control: CONTROL,
  append: ["data:dialler"],
  response: ["data:acceptor"],
  grant: ["data:acceptor"],
  birth: ["control:dialler", "control:acceptor"],
  blobOffer: ["data:dialler"],
  blobChunk: ["data:dialler"],
  blobAnswer: ["data:acceptor"],
  fetch: ["repair:dialler"],
  page: ["repair:acceptor"],
  askTime: CONTROL,
  tellTime: ["control:acceptor"],
};

/** Where each kind of message may come, in a frame that may. */
export const MESSAGE_PLACES: Readonly<Record<Message["kind"], readonly LinkPlace[]>> = {
  appendEntries: ["data:dialler"],
  // By the control link while no data link of the leader is open.
  appendEntriesResponse: ["data:acceptor", "control:dialler"],
  requestVote: CONTROL,
  requestVoteResponse: CONTROL,
  requestPreVote: CONTROL,
  requestPreVoteResponse: CONTROL,
  heartbeat: CONTROL,
  heartbeatResponse: CONTROL,
  // A log is never compacted.
  installSnapshot: NOWHERE,
  timeoutNow: CONTROL,
  readIndex: CONTROL,
  readIndexResponse: CONTROL,
  recovery: CONTROL,
  recoveryResponse: CONTROL,
  // Wishes for the leader go there by HTTP.
  transferLeadership: NOWHERE,
  propose: NOWHERE,
};

/** Kinds of which `from` is whoever asked first: a follower that was taken for the leader passes the question on. */
const PASSED_ON: ReadonlySet<Message["kind"]> = new Set(["readIndex"]);

/** Throws ERR_FRAME_UNEXPECTED for a frame that has no place there. */
export function assertPlaced({ kind }: Pick<Frame, "kind">, place: LinkPlace): void {
  if (FRAME_PLACES[kind].includes(place)) return;
  throw new AnnalsError("ERR_FRAME_UNEXPECTED", `frame ${kind} from ${inWords(place)}`);
}

function inWords(place: LinkPlace): string {
  const [purpose, speaker] = place.split(":");
  return `the ${speaker} of a ${purpose} link`;
}

/** The two ends of a link as the handshake has found them, and where its messages come from. */
export interface LinkEnds {
  readonly place: LinkPlace;
  /** The member that speaks. */
  readonly from: MemberId;
  /** The member that listens: this one. */
  readonly to: MemberId;
}

/** A slice ends with the message that brings its entries, or its messages, to so many. */
const SLICE_ENTRIES = APPEND_ENTRIES_MAX;
const SLICE_MESSAGES = 64;

/** Entries that a slice may have: the message that ends it had not begun when one entry less than enough was there. */
export const SLICE_ENTRIES_MAX: number = SLICE_ENTRIES - 1 + APPEND_ENTRIES_MAX;

/**
 * Messages of a peer: untrusted. Throws `WireError`, or ERR_PEER_MESSAGE for one of a kind that has no place there, in the name of another
 * member than the link's, or for another one. On a control link the latter is left out: it carries all logs, and a node that has lost its
 * disk is called by the member that it was until the membership of each has changed.
 */
export function readPeerMessages(bytes: Uint8Array, ends: LinkEnds): readonly Message[] {
  const reader = new PeerMessageReader(bytes, ends);
  return reader.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
}

/** Reads the same a slice at a time, so that what stands decoded at once is bounded whatever a frame holds. */
export class PeerMessageReader {
  readonly #reader: MessageReader;
  readonly #ends: LinkEnds;

  constructor(bytes: Uint8Array, ends: LinkEnds) {
    this.#reader = new MessageReader(bytes);
    this.#ends = ends;
  }

  get done(): boolean {
    return this.#reader.done;
  }

  /** The next slice: all of it is right, or nothing of it comes out. */
  slice(): readonly Message[] {
    return this.take(SLICE_ENTRIES, SLICE_MESSAGES);
  }

  /** Messages until there are so many entries, so many messages, or no more. */
  take(enoughEntries: number, enoughMessages: number): readonly Message[] {
    const messages: Message[] = [];
    let entries = 0;
    while (!this.done && entries < enoughEntries && messages.length < enoughMessages) {
      const message = this.#reader.next();
      if (message.kind === "appendEntries") entries += message.entries.length;
      if (isForUs(message, this.#ends)) messages.push(message);
    }
    return messages;
  }
}

/** Throws for what may not come here at all. */
function isForUs({ kind, from, to }: Message, ends: LinkEnds): boolean {
  if (!MESSAGE_PLACES[kind].includes(ends.place)) throw misplaced(kind, ends.place);
  if (from !== ends.from && !PASSED_ON.has(kind)) throw forged(kind, from, ends.from);
  if (to === ends.to) return true;
  if (ends.place === "control:dialler") return false;
  throw new AnnalsError("ERR_PEER_MESSAGE", `a message for another member than ${ends.to}`);
}

function misplaced(kind: Message["kind"], place: LinkPlace): AnnalsError {
  return new AnnalsError("ERR_PEER_MESSAGE", `message ${kind} from ${inWords(place)}`);
}

function forged(kind: Message["kind"], from: MemberId, member: MemberId): AnnalsError {
  const what = `message ${kind} in the name of member ${from} over a link of member ${member}`;
  return new AnnalsError("ERR_PEER_MESSAGE", what);
}
