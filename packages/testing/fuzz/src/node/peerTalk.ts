import { asIndex, asTerm, INDEX_MAX } from "@annals/raft";
import type { MemberId, Message } from "@annals/raft";
import { PEER_PATH } from "@annals/transport";
import { encodeFrame, encodeMessages, MESSAGE_PLACES, PROTOCOL_VERSION } from "@annals/wire";
import type { Frame, HelloFrame, LinkPurpose } from "@annals/wire";
import type { Random } from "@annals/kit";
import { messageOf } from "@annals/kit";
import { mutate } from "../mutate.ts";
import { TARGETS } from "../targets.ts";
import type { Conversation } from "./conversation.ts";
import { cut, ENDINGS } from "./pieces.ts";
import { message, opening } from "./webSocketTalk.ts";

/** What a member that has stopped is known by; whoever has its disk can say it. */
export interface StolenIdentity
  extends Pick<HelloFrame, "cluster" | "node" | "member" | "fingerprint"> {
  readonly clusterId: string;
  readonly maxMessageBytes: number;
  /** The members that are talked to, by port. */
  readonly members: ReadonlyMap<number, MemberId>;
  readonly logIds: readonly number[];
}

const PURPOSES: readonly LinkPurpose[] = ["control", "data", "repair"];
const KINDS = Object.keys(MESSAGE_PLACES) as Message["kind"][];
const NUMBERS = [0, 1, 2, 3, 7, 100, 2 ** 31, 2 ** 32 + 1, 2 ** 52 - 1, 2 ** 52];
const SAMPLES = ["frames", "blobFrames", "repairFrames"].flatMap((name) => TARGETS.get(name) ?? []);
const FRAMES_MAX = 5;
const ENTRIES_MAX = 3;

/** A member that says what no replica says: frames of every kind on links of every purpose, with numbers from all over. */
export function peerTalk(stolen: StolenIdentity, port: number, random: Random): Conversation {
  const purpose = random.pick(PURPOSES);
  const said = Array.from({ length: random.below(FRAMES_MAX) }, () => frame(stolen, port, random));
  const frames = [...(random.chance(0.98) ? [hello(stolen, purpose, random)] : []), ...said];
  const bytes = Buffer.concat([
    opening(PEER_PATH, [], random),
    ...frames.map((one) => message(one, "binary", random)),
  ]);
  return { door: "peer", pieces: cut(bytes, random), ending: random.pick(ENDINGS) };
}

function hello(stolen: StolenIdentity, purpose: LinkPurpose, random: Random): Uint8Array {
  const { cluster, clusterId, node, member, fingerprint, maxMessageBytes, logIds } = stolen;
  const plain: HelloFrame = {
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    cluster,
    clusterId,
    node,
    member,
    address: "127.0.0.1:1",
    fingerprint,
    purpose,
    logId: purpose === "control" ? undefined : random.pick(logIds),
    epoch: random.pick(NUMBERS),
    limits: { maxMessageBytes },
  };
  const bytes = encodeFrame(plain);
  return random.chance(0.95) ? bytes : mutate(bytes, [bytes], random);
}

function frame(stolen: StolenIdentity, port: number, random: Random): Uint8Array {
  if (random.chance(0.3)) {
    const samples = random.pick(SAMPLES).samples(random);
    const sample = random.pick(samples);
    return random.chance(0.5) ? sample : mutate(sample, samples, random);
  }
  const bytes = encodeMessages([odd(stolen, port, random)]);
  const logId = random.pick(stolen.logIds);
  const frames: readonly Frame[] = [
    { kind: "control", parcels: [{ logId, bytes }] },
    { kind: "append", epoch: 1, bytes },
    { kind: "response", epoch: 1, bytes },
  ];
  return encodeFrame(random.pick(frames));
}

/** A message with the right ends, mostly, whose numbers are drawn. */
function odd({ member, members }: StolenIdentity, port: number, random: Random): Message {
  const to = members.get(port) ?? member;
  const plain = messageOf(random.pick(KINDS), member, random.chance(0.9) ? to : member);
  const numbers = Object.entries(plain)
    .filter(([name, value]) => typeof value === "number" && name !== "from" && name !== "to")
    .map(([name, value]) => [name, random.chance(0.5) ? value : random.pick(NUMBERS)]);
  const made: Message = { ...plain, ...Object.fromEntries(numbers) };
  if (made.kind !== "appendEntries" || random.chance(0.3)) return made;
  // What follows has to be an index, too, or it could not be written.
  if (made.prevLogIndex + ENTRIES_MAX > INDEX_MAX) return made;
  const kinds = ["noop", "records", "command", "membership"] as const;
  const entries = Array.from({ length: random.between(1, ENTRIES_MAX) }, (_, k) => ({
    index: asIndex(made.prevLogIndex + 1 + k),
    term: asTerm(random.pick([1, made.term])),
    kind: random.pick(kinds),
    data: Buffer.alloc(random.below(40), random.below(256)),
  }));
  return { ...made, entries };
}
