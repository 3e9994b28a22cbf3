import {
  asMemberId,
  jointCommitted,
  jointVote,
  majorityCommitted,
  majorityVote,
  type MemberId,
  type VoteResult,
} from "@annals/raft";
import { integer } from "./arguments.ts";
import { type Directive, ScriptError } from "./dataDriven.ts";
import { hex } from "./describe.ts";

const VOTE_RESULTS: Readonly<Record<VoteResult, string>> = {
  won: "VoteWon",
  lost: "VoteLost",
  pending: "VotePending",
};

type Values = ReadonlyMap<MemberId, number>;

interface Question {
  readonly incoming: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
  readonly joint: boolean;
  /** As written, one a voter; 0 for what is not known. Votes: 1 against, 2 in favour. */
  readonly given: readonly number[];
}

/** Runs the files of quorum arithmetic. Every answer is also computed in other ways that must agree; what does not is printed. */
export class QuorumEnvironment {
  run(directive: Directive): string {
    const question = parse(directive);
    const voters = union(question.incoming, question.outgoing);
    if (voters.length !== question.given.length) {
      const map = voters.map((id) => `${id}:{}`).join(" ");
      return `error: mismatched input (explicit or _) for voters map[${map}]: [${question.given.join(" ")}]`;
    }
    const values = assign(question);
    if (directive.command === "vote") return vote(question, values);
    return question.joint ? jointIndex(question, values) : majorityIndex(question, values);
  }
}

function parse(directive: Directive): Question {
  const votes = directive.command === "vote";
  if (!votes && directive.command !== "committed") {
    throw new ScriptError(`unknown command ${directive.command}`);
  }
  let incoming: readonly number[] = [];
  let outgoing: readonly number[] = [];
  let joint = false;
  let given: readonly number[] = [];
  for (const { key, values } of directive.args) {
    if (key === "cfg") {
      incoming = values.map(integer);
    } else if (key === "cfgj") {
      joint = true;
      if (values[0] !== "zero") outgoing = values.map(integer);
      else if (values.length > 1) throw new ScriptError("cannot mix zero into a configuration");
    } else if (key === "idx" && !votes) {
      given = values.map(parseIndex);
    } else if (key === "votes" && votes) {
      given = values.map(parseVote);
    } else {
      throw new ScriptError(`unknown argument ${key}`);
    }
  }
  return { incoming: incoming.map(asMemberId), outgoing: outgoing.map(asMemberId), joint, given };
}

function parseIndex(text: string): number {
  if (text === "_") return 0;
  const index = integer(text);
  if (index === 0) throw new ScriptError("cannot use 0 as idx");
  return index;
}

function parseVote(text: string): number {
  const vote = { y: 2, n: 1, _: 0 }[text];
  if (vote === undefined) throw new ScriptError(`unknown vote: ${text}`);
  return vote;
}

/** Values belong to the ids in the order in which they are first named, incoming half first. */
function assign({ incoming, outgoing, given }: Question): Values {
  const values = new Map<MemberId, number>();
  const ids = [...new Set([...incoming, ...outgoing])];
  for (const [i, id] of ids.entries()) {
    const value = given[i] ?? 0;
    if (value !== 0) values.set(id, value);
  }
  return values;
}

function vote({ incoming, outgoing, joint }: Question, values: Values): string {
  const votes = new Map([...values].map(([id, value]) => [id, value === 2]));
  if (!joint) return VOTE_RESULTS[majorityVote(incoming, votes)];
  const result = jointVote(incoming, outgoing, votes);
  const mirrored = jointVote(outgoing, incoming, votes);
  const complaint = mirrored === result ? "" : `${VOTE_RESULTS[mirrored]} <-- via symmetry\n`;
  return complaint + VOTE_RESULTS[result];
}

function jointIndex({ incoming, outgoing }: Question, values: Values): string {
  const get = (id: MemberId): number | undefined => values.get(id);
  const index = jointCommitted(incoming, outgoing, get);
  const mirrored = jointCommitted(outgoing, incoming, get);
  const complaint = mirrored === index ? "" : `${show(mirrored)} <-- via symmetry\n`;
  return chart(union(incoming, outgoing), values) + complaint + show(index);
}

function majorityIndex({ incoming }: Question, values: Values): string {
  const get = (id: MemberId): number | undefined => values.get(id);
  const index = majorityCommitted(incoming, get);
  let complaints = "";
  const compare = (other: number, how: string, end: string): void => {
    if (other !== index) complaints += `${show(other)} <-- ${how}${end}`;
  };
  compare(alternativeCommitted(incoming, values), "via alternative computation", "\n");
  compare(jointCommitted(incoming, [], get), "via zero-joint quorum", "\n");
  compare(jointCommitted(incoming, incoming, get), "via self-joint quorum", "\n");
  for (const id of incoming) {
    const own = values.get(id) ?? 0;
    // A voter below the result has not decided it: lowering it further must change nothing.
    if (index <= own || own === 0) continue;
    const lowered = (to: number) => (voter: MemberId) => (voter === id ? to : values.get(voter));
    compare(majorityCommitted(incoming, lowered(own - 1)), `overlaying ${id}->${own}`, "");
    compare(majorityCommitted(incoming, lowered(0)), `overlaying ${id}->0`, "");
  }
  return (
    chart(
      [...incoming].sort((a, b) => a - b),
      values,
    ) +
    complaints +
    show(index)
  );
}

/** A second, deliberately simple way: the highest value that enough voters have reached. */
function alternativeCommitted(voters: readonly MemberId[], values: Values): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const quorum = Math.floor(voters.length / 2) + 1;
  let best = 0;
  for (const candidate of values.values()) {
    const reached = voters.filter((id) => (values.get(id) ?? -1) >= candidate).length;
    if (reached >= quorum && candidate > best) best = candidate;
  }
  return best;
}

/** One line a voter; the longer its bar, the more voters are behind it. */
function chart(ids: readonly MemberId[], values: Values): string {
  if (ids.length === 0) return "<empty majority quorum>";
  const lines = [`${" ".repeat(ids.length + 4)}idx`];
  for (const id of ids) {
    const own = values.get(id);
    const behind = ids.filter((other) => (values.get(other) ?? 0) < (own ?? 0)).length;
    const bar =
      own === undefined
        ? `?${" ".repeat(ids.length)}`
        : `${"x".repeat(behind)}>${" ".repeat(ids.length - behind)}`;
    lines.push(`${bar} ${String(own ?? 0).padStart(5)}    (id=${hex(id)})`);
  }
  return `${lines.join("\n")}\n`;
}

function union(one: readonly MemberId[], other: readonly MemberId[]): readonly MemberId[] {
  return [...new Set([...one, ...other])].sort((a, b) => a - b);
}

function show(index: number): string {
  return Number.isFinite(index) ? String(index) : "∞";
}
