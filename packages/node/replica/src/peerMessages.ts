import type { LogIndex, MemberId, Message, RaftCore, StepRefusal } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { withholdEntries } from "./blobs.ts";
import type { ReplicaOptions } from "./options.ts";
import type { BlobHolder } from "./ports.ts";

/** Refusals that members cause who keep to the protocol, such as by a message that was late. */
type Expected = "notForUs" | "unknownMember" | "applying" | "proposalDropped" | "awaitsKept";

const REASONS: Readonly<Record<Exclude<StepRefusal, Expected>, string>> = {
  forgedSender: "it claims to come from this member or from nobody",
  malformed: "its parts do not fit together",
  secondLeader: "it claims to lead in a term that this replica leads",
  termLeap: "its term is more than 2^32 beyond the present one",
  answerToNothing: "it answers what was never sent: an index beyond the end of the leader's log",
  commitBeyondEnd: "it commits entries that this replica has never acknowledged",
  conflictsWithCommitted: "it has another entry in the place of one that is committed here",
  historyDiffers: "its leader has another history: another hash for an entry that is here, too",
  badEntry: "it carries an entry that could not be applied",
};

/** Kinds that no replica sends: logs are not compacted, and nothing but votes and entries is passed on. */
const NEVER_SENT: ReadonlySet<Message["kind"]> = new Set([
  "installSnapshot",
  "propose",
  "transferLeadership",
]);

/** A suspicion that a promise was broken below Raft, on the word of one message. */
const TELLS_OF_HISTORY: ReadonlySet<StepRefusal> = new Set([
  "historyDiffers",
  "conflictsWithCommitted",
]);

/** What leads a replica to write a vote. */
const OF_ELECTIONS: ReadonlySet<Message["kind"]> = new Set([
  "requestVote",
  "requestPreVote",
  "timeoutNow",
]);

type PeerDoorOptions = Pick<ReplicaOptions, "blobs" | "events">;

/** A message says that the history of its sender differs from the one here, at or before `index`. */
type OnSuspicion = (from: MemberId, index: LogIndex) => void;

/** Where messages of peers come in: a message that cannot come from a replica like this one goes no further, and stops nothing. */
export class PeerDoor {
  readonly #core: Pick<RaftCore, "step" | "disputedIndex">;
  readonly #options: PeerDoorOptions;
  readonly #onSuspicion: OnSuspicion;
  readonly #mayVote: () => boolean;
  /** Messages that were refused. */
  refused = 0;

  constructor(
    core: Pick<RaftCore, "step" | "disputedIndex">,
    options: PeerDoorOptions,
    onSuspicion: OnSuspicion,
    mayVote: () => boolean,
  ) {
    this.#core = core;
    this.#options = options;
    this.#onSuspicion = onSuspicion;
    this.#mayVote = mayVote;
  }

  /** `sender` is the member at the other end of the link that brought the message, where that is known. */
  step(message: Message, sender: MemberId | undefined): void {
    // A vote that cannot be written is none, and terms and votes would only pile up before the disk.
    if (OF_ELECTIONS.has(message.kind) && !this.#mayVote()) return;
    const why = this.#refuse(message, sender);
    if (why === undefined) return;
    const { kind, from, term } = message;
    const reason = `${kind} of member ${from} in term ${term} was refused: ${why}`;
    this.refused++;
    this.#options.events.onRefused(sender ?? from, { code: "ERR_PEER_MESSAGE", reason });
  }

  #refuse(message: Message, sender: MemberId | undefined): string | undefined {
    if (NEVER_SENT.has(message.kind)) return "no replica sends such a message";
    // A question for the leader is passed on in the name of whoever asked, and may come back to it when leaders change.
    const passedOn = message.kind === "readIndex";
    if (sender !== undefined && message.from !== sender && !passedOn)
      return `it came over a link of member ${sender}`;
    const taken = withhold(message, this.#options.blobs);
    if (taken === "malformed") return REASONS.badEntry;
    if (taken === undefined) return undefined;
    const outcome = this.#core.step(taken);
    if (outcome.kind === "ok" || passedOn || isExpected(outcome.reason)) return undefined;
    const index = TELLS_OF_HISTORY.has(outcome.reason) && this.#core.disputedIndex(taken);
    if (index !== false && index !== undefined) this.#onSuspicion(message.from, index);
    return REASONS[outcome.reason];
  }
}

const BATCH_CODES: ReadonlySet<string> = new Set(["ERR_BATCH_MALFORMED", "ERR_BATCH_VERSION"]);

function withhold(message: Message, blobs: BlobHolder): Message | "malformed" | undefined {
  try {
    return withholdEntries(message, blobs);
  } catch (error) {
    if (error instanceof AnnalsError && BATCH_CODES.has(error.code)) return "malformed";
    throw error;
  }
}

function isExpected(reason: StepRefusal): reason is Expected {
  return !Object.hasOwn(REASONS, reason);
}
