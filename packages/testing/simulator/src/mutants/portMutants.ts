import { asIndex } from "@annals/raft";
import type { LogIndex, Message } from "@annals/raft";
import { AnnalsError, asSeq } from "@annals/record";
import { ProducerTable } from "@annals/replica";
import type { PeerTransport } from "@annals/replica";
import type { Mutant } from "../world/mutant.ts";
import type { Member } from "../world/machine.ts";

/** FAULT MODULE: bugs in what passes between replicas and between a replica and its clients. */
export const PORT_MUTANTS: readonly Mutant[] = [
  {
    name: "blobs-not-awaited",
    bug: "a follower takes entries whose blobs it does not have",
    wrapBlobs: (blobs, { replica }) => ({
      missing: (digests) => (replica?.role === "leader" ? blobs.missing(digests) : []),
      want: (digests, from) => blobs.want(digests, from),
    }),
  },
  {
    name: "blob-saved-unflushed",
    bug: "a blob is called saved before its flush: a crash takes it back",
    savesBlobsLate: true,
  },
  {
    name: "stale-read",
    bug: "a linearizable read asks nobody",
    readBarrier: () => Promise.resolve(),
  },
  readContextReused(),
  {
    name: "unknown-called-refused",
    bug: "an unknown outcome is called not accepted",
    refusal: (error) =>
      error.code === "ERR_OUTCOME_UNKNOWN"
        ? new AnnalsError("ERR_NOT_LEADER", "planted", { retryable: true })
        : error,
  },
  {
    name: "forgotten-is-new",
    bug: "request 1 of a producer that was forgotten is taken for the first one of a new producer",
    install: welcomingForgotten,
  },
  {
    name: "fingerprint-ignored",
    bug: "a repeat is known by its number alone, whatever its records are",
    install: ignoringFingerprints,
  },
  {
    name: "repeat-answered-anew",
    bug: "the answer to a repeat is one seq off",
    answer: (result) =>
      result.duplicate ? { ...result, firstSeq: asSeq(result.firstSeq + 1) } : result,
  },
  {
    name: "previous-entry-unchecked",
    bug: "a follower takes entries without looking at the term and hash of the one before them",
    receive: (messages, { view }) =>
      messages.map((message) => {
        if (message.kind !== "appendEntries") return message;
        const own = view.stored.at(message.prevLogIndex);
        if (own === undefined) return message;
        return { ...message, prevLogTerm: own.entry.term, prevLogHash: own.hash };
      }),
  },
  {
    name: "commit-beyond-match",
    bug: "a heartbeat carries the leader's commit index although the follower may lack the entries",
    wrapTransport: (transport) => commitBeyondMatch(transport),
  },
  {
    name: "vote-granted-anyway",
    bug: "a refused vote arrives as granted",
    receive: (messages) =>
      messages.map((message) =>
        message.kind === "requestVoteResponse" ? { ...message, rejected: false } : message,
      ),
  },
  {
    name: "rejection-taken-for-ack",
    bug: "a follower's rejection arrives as an acknowledgement",
    receive: (messages) =>
      messages.map((message) =>
        message.kind === "appendEntriesResponse" ? { ...message, rejected: false } : message,
      ),
  },
  {
    name: "ack-names-too-much",
    bug: "an acknowledgement names one entry more than the follower has",
    receive: (messages) =>
      messages.map((message) =>
        message.kind === "appendEntriesResponse" && !message.rejected && message.index > 0
          ? { ...message, index: asIndex(message.index + 1) }
          : message,
      ),
  },
];

/** What a follower is answered to an earlier question for a read index goes for its newest one. */
function readContextReused(): Mutant {
  const newest = new WeakMap<Member, number>();
  return {
    name: "read-context-reused",
    bug: "a late answer to an earlier read confirms the newest one",
    wrapTransport: (transport, replica) => ({
      send: (to, messages) => {
        for (const message of messages)
          if (message.kind === "readIndex") newest.set(replica, message.context);
        transport.send(to, messages);
      },
    }),
    receive: (messages, replica) =>
      messages.map((message) =>
        message.kind === "readIndexResponse"
          ? { ...message, context: newest.get(replica) ?? message.context }
          : message,
      ),
  };
}

function commitBeyondMatch(transport: PeerTransport): PeerTransport {
  let commit: LogIndex = asIndex(0);
  const changed = (message: Message): Message => {
    if (message.kind === "appendEntries" && message.leaderCommit > commit)
      commit = message.leaderCommit;
    return message.kind === "heartbeat" && message.commitIndex < commit
      ? { ...message, commitIndex: commit }
      : message;
  };
  return { send: (to, messages) => transport.send(to, messages.map(changed)) };
}

function ignoringFingerprints(): () => void {
  const { prototype } = ProducerTable;
  const original = Object.getOwnPropertyDescriptor(prototype, "judge");
  if (original === undefined) throw new Error("the producer table has no judge");
  const judge: ProducerTable["judge"] = original.value;
  Object.defineProperty(prototype, "judge", {
    ...original,
    value(this: ProducerTable, ...[stamp, count]: Parameters<ProducerTable["judge"]>) {
      const known = this.get(stamp.id)?.recent.find(({ sequence }) => sequence === stamp.sequence);
      const fingerprint = known?.fingerprint ?? stamp.fingerprint;
      return judge.call(this, { ...stamp, fingerprint }, count);
    },
  });
  return () => void Object.defineProperty(prototype, "judge", original);
}

function welcomingForgotten(): () => void {
  const { prototype } = ProducerTable;
  const original = Object.getOwnPropertyDescriptor(prototype, "judge");
  if (original === undefined) throw new Error("the producer table has no judge");
  const judge: ProducerTable["judge"] = original.value;
  Object.defineProperty(prototype, "judge", {
    ...original,
    value(this: ProducerTable, ...[stamp, count]: Parameters<ProducerTable["judge"]>) {
      try {
        return judge.call(this, stamp, count);
      } catch (error) {
        const isForgotten = error instanceof AnnalsError && error.code === "ERR_PRODUCER_FORGOTTEN";
        if (isForgotten && stamp.sequence === 1) return { kind: "new" };
        throw error;
      }
    },
  });
  return () => void Object.defineProperty(prototype, "judge", original);
}
