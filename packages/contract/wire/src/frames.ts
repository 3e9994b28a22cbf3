/**
 * Link frames, layout version 1: the byte 1, then one msgpack array `[kind, …fields in the order below]`; an absent optional field is
 * nil. The version byte and the first element of a refusal keep their place in every later version, so that two builds of
 * different versions can still refuse each other by name.
 */
import { asIndex, asMemberId, asTerm, INDEX_MAX, TERM_MAX } from "@annals/raft";
import type { LogIndex, MemberId, Message } from "@annals/raft";
import { ENTRIES_MAX, packEntries, readEntries } from "./entries.ts";
import { NO_HASH, readHash } from "./hashField.ts";
import { nestMessages } from "./messages.ts";
import { MsgpackCursor } from "./msgpackCursor.ts";
import { assertVersion, packVersioned } from "./pack.ts";
import type { Packable } from "./pack.ts";
import type { AskTimeFrame, TellTimeFrame } from "./clockFrames.ts";
import type { FetchFrame, PageFrame } from "./repairFrames.ts";

export const FRAMES_VERSION = 1;
const LOG_ID_MAX = 0xffff_ffff;
export const NAME_BYTES_MAX = 256;
export const REASON_BYTES_MAX = 4096;
export const PARCELS_MAX = 65_536;

/** What a link is for. `repair`: the dialler asks for entries that are damaged on its disk. */
export type LinkPurpose = "control" | "data" | "repair";

const PURPOSES: readonly LinkPurpose[] = ["control", "data", "repair"];

/** The first frame of whoever dials. */
export interface HelloFrame {
  readonly kind: "hello";
  readonly protocol: number;
  /** The configured name of the cluster. */
  readonly cluster: string;
  /** Drawn when the cluster was born; undefined on a blank node. */
  readonly clusterId: string | undefined;
  readonly node: string;
  /** The incarnation of the dialling node; 0 on a blank one. */
  readonly member: MemberId;
  /** Where the dialling node can be reached, `host:port`. */
  readonly address: string;
  /** Of the settings that must be equal cluster-wide. */
  readonly fingerprint: string;
  readonly purpose: LinkPurpose;
  /** The log that a data or repair link carries. */
  readonly logId: number | undefined;
  /** Counts the dialler's links to this peer: work of an older epoch is void. */
  readonly epoch: number;
  readonly limits: { readonly maxMessageBytes: number };
}

export interface WelcomeFrame {
  readonly kind: "welcome";
  readonly clusterId: string | undefined;
  readonly node: string;
  readonly member: MemberId;
}

/** The last frame before a close: why. */
export interface RefuseFrame {
  readonly kind: "refuse";
  readonly code: string;
  readonly reason: string;
}

/** Messages of several logs in one frame; `bytes` is what `encodeMessages` gave, and the gateway leaves it so. */
export interface ControlFrame {
  readonly kind: "control";
  readonly parcels: readonly { readonly logId: number; readonly bytes: Uint8Array }[];
}

/** Leader to follower on a data link; `bytes` is what `encodeMessages` gave. */
export interface AppendFrame {
  readonly kind: "append";
  readonly epoch: number;
  readonly bytes: Uint8Array;
}

/** Follower to leader on a data link; `bytes` is what `encodeMessages` gave. */
export interface ResponseFrame {
  readonly kind: "response";
  readonly epoch: number;
  readonly bytes: Uint8Array;
}

/** Credit: the follower takes this much more. */
export interface GrantFrame {
  readonly kind: "grant";
  readonly entries: number;
  readonly bytes: number;
}

/** The birth certificate of a cluster; opaque here. */
export interface BirthFrame {
  readonly kind: "birth";
  readonly certificate: Uint8Array;
}

/** Leader to follower on a data link: entries that name this blob are next. Answered before anything else follows. */
export interface BlobOfferFrame {
  readonly kind: "blobOffer";
  readonly epoch: number;
  /** SHA-256 in 64 lower-case hexadecimal digits. */
  readonly digest: string;
  readonly bytes: number;
}

/** The next bytes of the blob that was offered last and is wanted. */
export interface BlobChunkFrame {
  readonly kind: "blobChunk";
  readonly epoch: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/**
 * Follower to leader. To an offer: `want`, or `have` if it is durable there. After the last chunk: `have` once it is. `failed` at any time:
 * it was not saved, the rest of its chunks is ignored.
 */
export interface BlobAnswerFrame {
  readonly kind: "blobAnswer";
  readonly digest: string;
  readonly answer: BlobAnswer;
}

export type BlobAnswer = "have" | "want" | "failed";

const BLOB_ANSWERS: readonly BlobAnswer[] = ["have", "want", "failed"];
const DIGEST_BYTES = 32;

export type Frame =
  | HelloFrame
  | WelcomeFrame
  | RefuseFrame
  | ControlFrame
  | AppendFrame
  | ResponseFrame
  | GrantFrame
  | BirthFrame
  | BlobOfferFrame
  | BlobChunkFrame
  | BlobAnswerFrame
  | FetchFrame
  | PageFrame
  | AskTimeFrame
  | TellTimeFrame;

export const FRAME_CODES: Readonly<Record<Frame["kind"], number>> = {
  hello: 1,
  welcome: 2,
  refuse: 3,
  control: 4,
  append: 5,
  response: 6,
  grant: 7,
  birth: 8,
  blobOffer: 9,
  blobChunk: 10,
  blobAnswer: 11,
  fetch: 12,
  page: 13,
  askTime: 14,
  tellTime: 15,
};

/** Number of elements of each frame's array, the kind included. */
export const FRAME_ELEMENTS: Readonly<Record<Frame["kind"], number>> = {
  hello: 12,
  welcome: 4,
  refuse: 3,
  control: 2,
  append: 3,
  response: 3,
  grant: 3,
  birth: 2,
  blobOffer: 4,
  blobChunk: 4,
  blobAnswer: 3,
  fetch: 3,
  page: 6,
  askTime: 2,
  tellTime: 3,
};

const KIND_OF_CODE: ReadonlyMap<number, Frame["kind"]> = new Map(
  Object.entries(FRAME_CODES).map(([kind, code]) => [code, kind as Frame["kind"]]),
);

/** The result is the caller's. */
export function encodeFrame(frame: Frame): Uint8Array {
  return packVersioned(FRAMES_VERSION, [FRAME_CODES[frame.kind], ...packFields(frame)]);
}

/** A frame of messages, in one go: entries are copied once. The result is the caller's. */
export function encodeMessagesFrame(
  kind: "append" | "response",
  epoch: number,
  messages: readonly Message[],
): Uint8Array {
  return packVersioned(FRAMES_VERSION, [FRAME_CODES[kind], epoch, nestMessages(messages)]);
}

function packFields(frame: Frame): readonly Packable[] {
  switch (frame.kind) {
    case "hello":
      return [
        frame.protocol,
        frame.cluster,
        frame.clusterId ?? null,
        frame.node,
        frame.member,
        frame.address,
        frame.fingerprint,
        PURPOSES.indexOf(frame.purpose),
        frame.logId ?? null,
        frame.epoch,
        [frame.limits.maxMessageBytes],
      ];
    case "welcome":
      return [frame.clusterId ?? null, frame.node, frame.member];
    case "refuse":
      return [frame.code, frame.reason];
    case "control":
      return [frame.parcels.flatMap((parcel) => [parcel.logId, parcel.bytes])];
    case "append":
    case "response":
      return [frame.epoch, frame.bytes];
    case "grant":
      return [frame.entries, frame.bytes];
    case "birth":
      return [frame.certificate];
    case "blobOffer":
      return [frame.epoch, Buffer.from(frame.digest, "hex"), frame.bytes];
    case "blobChunk":
      return [frame.epoch, frame.bytes, frame.last ? 1 : 0];
    case "blobAnswer":
      return [Buffer.from(frame.digest, "hex"), BLOB_ANSWERS.indexOf(frame.answer)];
    case "fetch":
      return [frame.from, frame.to];
    case "page":
      return [
        frame.from,
        frame.previousHash ?? NO_HASH,
        frame.commitIndex,
        frame.leads,
        packEntries(frame.entries, before(frame.from)),
      ];
    case "askTime":
      return [frame.token];
    case "tellTime":
      return [frame.token, frame.wallTime];
    default:
      return frame satisfies never;
  }
}

/** Reads untrusted bytes; byte runs are views of them. Throws `WireError`. */
export function decodeFrame(bytes: Uint8Array): Frame {
  assertVersion(bytes, FRAMES_VERSION, "frame");
  const cursor = new MsgpackCursor(bytes, 1);
  const elements = cursor.array("frame", 16);
  if (elements < 1) throw cursor.fail("ERR_WIRE_COUNT", "frame without its kind");
  const kind = KIND_OF_CODE.get(cursor.uint("frame kind", 255));
  if (kind === undefined) throw cursor.fail("ERR_WIRE_KIND", "unknown frame kind");
  if (elements !== FRAME_ELEMENTS[kind])
    throw cursor.fail(
      "ERR_WIRE_COUNT",
      `${kind}: ${elements} elements, not ${FRAME_ELEMENTS[kind]}`,
    );
  const frame = readFields(cursor, kind);
  cursor.end();
  return frame;
}

function readFields(cursor: MsgpackCursor, kind: Frame["kind"]): Frame {
  switch (kind) {
    case "hello":
      return readHello(cursor);
    case "welcome":
      return {
        kind,
        clusterId: readOptionalName(cursor, "clusterId"),
        node: cursor.string("node", NAME_BYTES_MAX),
        member: asMemberId(cursor.uint("member")),
      };
    case "refuse":
      return {
        kind,
        code: cursor.string("code", NAME_BYTES_MAX),
        reason: cursor.string("reason", REASON_BYTES_MAX),
      };
    case "control":
      return { kind, parcels: readParcels(cursor) };
    case "append":
    case "response":
      return { kind, epoch: cursor.uint("epoch"), bytes: cursor.bin("messages") };
    case "grant":
      return { kind, entries: cursor.uint("entries"), bytes: cursor.uint("bytes") };
    case "birth":
      return { kind, certificate: cursor.bin("certificate") };
    case "blobOffer": {
      const epoch = cursor.uint("epoch");
      return { kind, epoch, digest: readDigest(cursor), bytes: cursor.uint("bytes") };
    }
    case "blobChunk": {
      const epoch = cursor.uint("epoch");
      return { kind, epoch, bytes: cursor.bin("chunk"), last: cursor.uint("last", 1) === 1 };
    }
    case "blobAnswer": {
      const digest = readDigest(cursor);
      const answer = BLOB_ANSWERS[cursor.uint("answer", BLOB_ANSWERS.length - 1)] ?? "failed";
      return { kind, digest, answer };
    }
    case "fetch":
      return { kind, from: readFrom(cursor), to: asIndex(cursor.uint("to", INDEX_MAX)) };
    case "page": {
      const from = readFrom(cursor);
      const previousHash = readHash(cursor, "hash before");
      const commitIndex = asIndex(cursor.uint("commitIndex", INDEX_MAX));
      const leads = asTerm(cursor.uint("term led", TERM_MAX));
      return {
        kind,
        from,
        previousHash,
        commitIndex,
        leads,
        entries: readEntries(cursor, before(from), ENTRIES_MAX),
      };
    }
    case "askTime":
      return { kind, token: cursor.uint("token") };
    case "tellTime":
      return { kind, token: cursor.uint("token"), wallTime: cursor.uint("wallTime") };
    default:
      return kind satisfies never;
  }
}

function readDigest(cursor: MsgpackCursor): string {
  const bytes = cursor.bin("digest");
  if (bytes.length !== DIGEST_BYTES) throw cursor.fail("ERR_WIRE_RANGE", "digest length");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function readHello(cursor: MsgpackCursor): HelloFrame {
  const protocol = cursor.uint("protocol");
  const cluster = cursor.string("cluster", NAME_BYTES_MAX);
  const clusterId = readOptionalName(cursor, "clusterId");
  const node = cursor.string("node", NAME_BYTES_MAX);
  const member = asMemberId(cursor.uint("member"));
  const address = cursor.string("address", NAME_BYTES_MAX);
  const fingerprint = cursor.string("fingerprint", NAME_BYTES_MAX);
  const purpose = PURPOSES[cursor.uint("purpose", PURPOSES.length - 1)] ?? "control";
  const logId = cursor.maybeNil("logId") ? undefined : cursor.uint("logId", LOG_ID_MAX);
  if ((logId === undefined) !== (purpose === "control"))
    throw cursor.fail("ERR_WIRE_RANGE", "a control link names no log, any other one does: logId");
  const epoch = cursor.uint("epoch");
  cursor.tuple("limits", 1);
  const limits = { maxMessageBytes: cursor.uint("maxMessageBytes") };
  return {
    kind: "hello",
    protocol,
    cluster,
    clusterId,
    node,
    member,
    address,
    fingerprint,
    purpose,
    logId,
    epoch,
    limits,
  };
}

function readFrom(cursor: MsgpackCursor): LogIndex {
  const from = cursor.uint("from", INDEX_MAX);
  if (from < 1) throw cursor.fail("ERR_WIRE_RANGE", "entries begin at 1: from");
  return asIndex(from);
}

function before(index: LogIndex): LogIndex {
  return asIndex(index - 1);
}

function readOptionalName(cursor: MsgpackCursor, what: string): string | undefined {
  return cursor.maybeNil(what) ? undefined : cursor.string(what, NAME_BYTES_MAX);
}

function readParcels(cursor: MsgpackCursor): ControlFrame["parcels"] {
  const elements = cursor.array("parcels", 2 * PARCELS_MAX);
  if (elements % 2 !== 0) throw cursor.fail("ERR_WIRE_COUNT", "parcels are no pairs");
  const parcels: { readonly logId: number; readonly bytes: Uint8Array }[] = [];
  for (let k = 0; k < elements / 2; k++) {
    const logId = cursor.uint("logId", LOG_ID_MAX);
    parcels.push({ logId, bytes: cursor.bin("parcel") });
  }
  return parcels;
}
