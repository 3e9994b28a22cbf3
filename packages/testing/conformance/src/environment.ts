import {
  type AppendTicket,
  assertNever,
  type Entry,
  type MemberId,
  type Message,
  type Ready,
  type StepOutcome,
} from "@annals/raft";
import { ScriptError } from "./dataDriven.ts";
import {
  describeAppendDone,
  describeApplyDone,
  describeEntries,
  describeHardState,
  describeMessage,
  describeReads,
  describeResponses,
  describeRole,
  describeSnapshot,
  describeStorageAppend,
  describeStorageApply,
  messageType,
  owesCompletion,
} from "./describe.ts";
import type { TranscriptNode } from "./node.ts";
import { Output } from "./output.ts";

/** What is on its way: a message between members, or the end of a storage operation on its way back to its own node. */
export type InFlight =
  | { readonly kind: "message"; readonly to: MemberId; readonly message: Message }
  | { readonly kind: "appendDone"; readonly to: MemberId; readonly ticket: AppendTicket }
  | { readonly kind: "applyDone"; readonly to: MemberId; readonly entries: readonly Entry[] };

export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

const REFUSALS: Readonly<Record<Extract<StepOutcome, { kind: "refused" }>["reason"], string>> = {
  unknownMember: "raft: cannot step as peer not found",
  proposalDropped: "raft proposal dropped",
  awaitsKept: "raft: the log waits for the copy that was kept",
  notForUs: "raft: message is not for this member",
  forgedSender: "raft: message from nobody or from this member itself",
  malformed: "raft: malformed message",
  applying: "raft: cannot take a snapshot while applying",
  secondLeader: "raft: message of a second leader in this term",
  termLeap: "raft: term is too far beyond the present one",
  answerToNothing: "raft: answer to what was never sent",
  commitBeyondEnd: "raft: commit index is beyond the end of the log",
  conflictsWithCommitted: "raft: entries conflict with committed ones",
  historyDiffers: "raft: another history up to an entry that is here, too",
  badEntry: "raft: an entry could not be applied",
};

/** Nodes, what is in flight between them, and the output: everything that the commands of an interaction file act on. */
export class Environment {
  readonly output: Output = new Output();
  readonly nodes: TranscriptNode[] = [];
  #inFlight: InFlight[] = [];

  node(id: number): TranscriptNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new ScriptError(`there is no node ${id}`);
    return node;
  }

  enqueue(item: InFlight): void {
    this.#inFlight.push(item);
  }

  /** The network delivers everything queued for `id` twice. */
  duplicate(id: number): undefined {
    this.#inFlight.push(...this.#inFlight.filter((item) => item.to === id && !isLocal(item)));
  }

  hasMail(id: number): boolean {
    return this.#inFlight.some((item) => item.to === id);
  }

  /** Delivers or drops what is queued for each recipient at this moment. Returns how much that was. */
  deliver(recipients: readonly Recipient[], type: string | undefined): number {
    let count = 0;
    for (const { id, drop } of recipients) {
      const chosen = (item: InFlight): boolean =>
        item.to === id && !(drop && isLocal(item)) && (type === undefined || typeOf(item) === type);
      const due = this.#inFlight.filter(chosen);
      this.#inFlight = this.#inFlight.filter((item) => !chosen(item));
      count += due.length;
      for (const item of due) {
        this.output.line(`${drop ? "dropped: " : ""}${describeInFlight(item)}`);
        if (!drop) this.#receive(item);
      }
    }
    return count;
  }

  /** Takes a ready, prints it, and carries it out: at once, or by queueing the storage operations. */
  processReady(id: number): void {
    const node = this.node(id);
    const ready = node.use((core) => core.takeReady());
    this.output.write(describeReady(node, ready));
    for (const message of ready.messages) this.#route(message);
    if (node.asyncStorage) {
      if (ready.append !== undefined) node.appendWork.push(ready.append);
      if (ready.apply.length > 0) node.applyWork.push(ready.apply);
    } else {
      this.#carryOut(node, ready);
    }
  }

  processAppend(id: number): void {
    const node = this.node(id);
    const ticket = node.appendWork.shift();
    if (ticket === undefined) {
      this.output.write("no append work to perform");
      return;
    }
    this.output.line("Processing:");
    this.output.line(describeStorageAppend(id, ticket, false));
    node.write(ticket);
    this.output.line("Responses:");
    for (const line of describeResponses(id, ticket)) this.output.line(line);
    for (const message of ticket.afterDurable) this.#route(message);
    if (owesCompletion(ticket)) this.enqueue({ kind: "appendDone", to: node.id, ticket });
  }

  processApply(id: number): void {
    const node = this.node(id);
    const entries = node.applyWork.shift();
    if (entries === undefined) {
      this.output.write("no apply work to perform");
      return;
    }
    this.output.line("Processing:");
    this.output.line(describeStorageApply(id, entries, false));
    node.apply(entries);
    this.output.line("Responses:");
    this.output.line(describeApplyDone(id, entries));
    this.enqueue({ kind: "applyDone", to: node.id, entries });
  }

  /** Works off everything that the given nodes can do until nothing is left. */
  stabilize(ids: readonly number[]): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const id of ids) {
        if (!this.node(id).use((core) => core.hasReady())) continue;
        this.headed(id, "handling Ready", () => this.processReady(id));
        busy = true;
      }
      for (const id of ids) {
        if (!this.hasMail(id)) continue;
        this.headed(id, "receiving messages", () => this.deliver([{ id, drop: false }], undefined));
        busy = true;
      }
      for (const id of ids) {
        if (this.node(id).appendWork.length === 0) continue;
        this.output.line(`> ${id} processing append thread`);
        while (this.node(id).appendWork.length > 0) {
          this.output.indented(() => this.processAppend(id));
        }
        busy = true;
      }
      for (const id of ids) {
        if (this.node(id).applyWork.length === 0) continue;
        this.output.line(`> ${id} processing apply thread`);
        while (this.node(id).applyWork.length > 0) {
          this.output.indented(() => this.processApply(id));
        }
        busy = true;
      }
    }
  }

  headed(id: number, what: string, body: () => void): void {
    this.output.line(`> ${id} ${what}`);
    this.output.indented(body);
  }

  #carryOut(node: TranscriptNode, ready: Ready): void {
    const { append, apply } = ready;
    for (const message of append?.afterDurable ?? []) {
      if (message.to !== node.id) this.#route(message);
    }
    if (append !== undefined) node.write(append);
    node.apply(apply);
    if (append !== undefined) node.use((core) => core.appendDone(append));
    const last = apply.at(-1);
    if (last !== undefined) node.use((core) => core.applyDone(last.index));
  }

  #route(message: Message): void {
    this.enqueue({ kind: "message", to: message.to, message });
  }

  #receive(item: InFlight): void {
    const node = this.node(item.to);
    switch (item.kind) {
      case "appendDone":
        node.use((core) => core.completeOnly(item.ticket));
        return;
      case "applyDone": {
        const last = item.entries.at(-1);
        if (last !== undefined) node.use((core) => core.applyDone(last.index));
        return;
      }
      case "message": {
        const { message } = item;
        const own = message.from === node.id;
        const outcome = node.use((core) => (own ? core.stepOwn(message) : core.step(message)));
        if (outcome.kind === "refused") this.output.line(REFUSALS[outcome.reason]);
      }
    }
  }
}

function describeReady(node: TranscriptNode, ready: Ready): string {
  const { soft, append, apply, reads } = ready;
  let text = "";
  if (soft !== undefined) text += `Lead:${soft.leader} State:${describeRole(soft.role)}\n`;
  if (append?.hardState !== undefined) {
    text += `HardState ${describeHardState(append.hardState)}\n`;
  }
  if (reads.length > 0) text += `ReadStates ${describeReads(reads)}\n`;
  if (append !== undefined && append.entries.length > 0) {
    text += `Entries:\n${describeEntries(append.entries)}`;
  }
  if (append?.snapshot !== undefined) text += `Snapshot ${describeSnapshot(append.snapshot)}\n`;
  if (apply.length > 0) text += `CommittedEntries:\n${describeEntries(apply)}`;
  const messages = describeMessages(node, ready);
  if (messages.length > 0) text += `Messages:\n${messages.map((line) => `${line}\n`).join("")}`;
  const mustSync = node.needsSync(append);
  return text === "" ? "<empty Ready>" : `Ready MustSync=${mustSync}:\n${text}`;
}

function describeMessages(node: TranscriptNode, ready: Ready): readonly string[] {
  const { append, apply } = ready;
  const lines = ready.messages.map((message) => describeMessage(message));
  if (node.asyncStorage) {
    if (append !== undefined) lines.push(describeStorageAppend(node.id, append, true));
    if (apply.length > 0) lines.push(describeStorageApply(node.id, apply, true));
  } else {
    for (const message of append?.afterDurable ?? []) {
      if (message.to !== node.id) lines.push(describeMessage(message));
    }
  }
  return lines;
}

function describeInFlight(item: InFlight): string {
  switch (item.kind) {
    case "message":
      return describeMessage(item.message);
    case "appendDone":
      return describeAppendDone(item.to, item.ticket);
    case "applyDone":
      return describeApplyDone(item.to, item.entries);
    default:
      return assertNever(item);
  }
}

function typeOf(item: InFlight): string {
  if (item.kind === "message") return messageType(item.message.kind);
  return item.kind === "appendDone" ? "MsgStorageAppendResp" : "MsgStorageApplyResp";
}

/** What a node sends to itself goes through no network and is never lost. */
function isLocal(item: InFlight): boolean {
  return item.kind !== "message" || item.message.from === item.to;
}
