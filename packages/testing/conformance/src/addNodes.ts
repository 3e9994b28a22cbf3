import { asIndex, asTerm, type RaftConfig, type Snapshot } from "@annals/raft";
import { boolean, firstNumber, integer, numberList, value } from "./arguments.ts";
import { type Argument, ScriptError } from "./dataDriven.ts";
import type { Environment } from "./environment.ts";
import { memberId, TranscriptNode } from "./node.ts";

/** As many as the reference allows when a transcript says nothing. */
const INFLIGHT_MESSAGES = 2 ** 31 - 1;

const STUB: Omit<RaftConfig, "id" | "randomBelow"> = {
  electionTicks: 3,
  heartbeatTicks: 1,
  maxAppendBytes: Number.POSITIVE_INFINITY,
  maxAppendEntries: Number.POSITIVE_INFINITY,
  maxInflightMessages: INFLIGHT_MESSAGES,
  maxInflightBytes: 0,
  maxUncommittedBytes: 0,
  maxCommittedBytes: Number.POSITIVE_INFINITY,
  preVote: false,
  checkQuorum: false,
  readOnly: "safe",
  stepDownOnRemoval: false,
  disableMembershipValidation: false,
  disableProposalForwarding: false,
  applied: 0,
};

type Overrides = { -readonly [Key in keyof RaftConfig]?: RaftConfig[Key] };

/**
 * add-nodes COUNT [voters=() learners=() index= content=] [options]. With any of the first four the nodes begin with a snapshot at `index`
 * and term 1, else with nothing. Options of our own, beyond the reference's: max-append-bytes, max-append-entries, inflight-bytes,
 * max-uncommitted-bytes, disable-proposal-forwarding.
 */
export function addNodes(env: Environment, args: readonly Argument[]): string | undefined {
  const count = firstNumber(args);
  const parsed = parseOptions(args.slice(1));
  if (typeof parsed === "string") return parsed;
  const start = startOf(args);
  if (start !== undefined && start.lastIncludedIndex <= 1) {
    return "index must be specified as > 1 due to bootstrap";
  }
  for (let i = 0; i < count; i += 1) {
    const id = memberId(env.nodes.length + 1);
    const config = { ...STUB, ...parsed.overrides, id, randomBelow: randomOf(id) };
    env.nodes.push(new TranscriptNode(config, parsed.asyncStorage, start, env.output));
  }
  return undefined;
}

function startOf(args: readonly Argument[]): Snapshot | undefined {
  const voters = numberList(args, "voters");
  const learners = numberList(args, "learners");
  const index = value(args, "index");
  const content = value(args, "content");
  if (
    voters.length === 0 &&
    learners.length === 0 &&
    index === undefined &&
    content === undefined
  ) {
    return undefined;
  }
  const ids = (list: readonly number[]) => [...list].sort((a, b) => a - b).map(memberId);
  return {
    lastIncludedIndex: asIndex(integer(index ?? "0")),
    lastIncludedTerm: asTerm(1),
    membership: {
      voters: ids(voters),
      votersOutgoing: [],
      learners: ids(learners),
      learnersNext: [],
      autoLeave: false,
    },
    data: new TextEncoder().encode(content ?? ""),
  };
}

function parseOptions(
  args: readonly Argument[],
): { overrides: Overrides; asyncStorage: boolean } | string {
  const overrides: Overrides = {};
  let asyncStorage = false;
  for (const { key, values } of args) {
    const [text = ""] = values;
    switch (key) {
      case "voters":
      case "learners":
      case "content":
        break;
      case "index":
        overrides.applied = integer(text);
        break;
      case "async-storage-writes":
        asyncStorage = boolean(text);
        break;
      case "read-only":
        if (text !== "safe" && text !== "lease-based") return `invalid read-only option "${text}"`;
        overrides.readOnly = text === "safe" ? "safe" : "lease";
        break;
      default:
        if (!setLimit(overrides, key, text) && !setSwitch(overrides, key, text)) {
          throw new ScriptError(`unknown option ${key}`);
        }
    }
  }
  return { overrides, asyncStorage };
}

function setLimit(overrides: Overrides, key: string, text: string): boolean {
  const limits = {
    inflight: "maxInflightMessages",
    "inflight-bytes": "maxInflightBytes",
    "max-append-bytes": "maxAppendBytes",
    "max-append-entries": "maxAppendEntries",
    "max-committed-size-per-ready": "maxCommittedBytes",
    "max-uncommitted-bytes": "maxUncommittedBytes",
  } as const;
  const limit = Object.entries(limits).find(([name]) => name === key)?.[1];
  if (limit === undefined) return false;
  overrides[limit] = integer(text);
  return true;
}

function setSwitch(overrides: Overrides, key: string, text: string): boolean {
  const switches = {
    prevote: "preVote",
    checkquorum: "checkQuorum",
    "disable-conf-change-validation": "disableMembershipValidation",
    "disable-proposal-forwarding": "disableProposalForwarding",
    "step-down-on-removal": "stepDownOnRemoval",
  } as const;
  const name = Object.entries(switches).find(([known]) => known === key)?.[1];
  if (name === undefined) return false;
  overrides[name] = boolean(text);
  return true;
}

/** A small generator of its own for every node, so that a transcript runs the same way every time. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % n;
  };
}
