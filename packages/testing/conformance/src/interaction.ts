import type { ProposeOutcome } from "@annals/raft";
import { firstNumber, numberList, numbers, requiredNumber, value } from "./arguments.ts";
import { addNodes } from "./addNodes.ts";
import { type Argument, type Directive, ScriptError } from "./dataDriven.ts";
import {
  describeEntries,
  describeMembership,
  describeMessage,
  describeProgress,
  describeRole,
} from "./describe.ts";
import { Environment, type Recipient } from "./environment.ts";
import { MemoryStorageError } from "./memoryStorage.ts";
import { parseSteps } from "./membershipSteps.ts";
import { memberId, type TranscriptNode } from "./node.ts";
import { LEVELS, type Level } from "./output.ts";

const DROPPED = "raft proposal dropped";

/** An error that is the output of a command: it is printed whatever the log level. */
type CommandError = string | undefined;
type Command = (env: Environment, args: readonly Argument[], input: string) => CommandError;

/** Runs the files of whole nodes that talk to each other. */
export class InteractionEnvironment {
  readonly #env = new Environment();

  run(directive: Directive): string {
    const command = COMMANDS.get(directive.command);
    if (command === undefined) throw new ScriptError(`unknown command ${directive.command}`);
    const error = this.#attempt(command, directive);
    const text = this.#env.output.take() + (error ?? "");
    return text === "" ? "ok" : text;
  }

  #attempt(command: Command, directive: Directive): CommandError {
    try {
      return command(this.#env, directive.args, directive.input);
    } catch (error) {
      // What storage refuses is part of transcripts; anything else is a bug or a broken script.
      if (error instanceof MemoryStorageError) return error.message;
      throw error;
    }
  }
}

/** The commands of the reference, then ours; the latter serve transcripts of what the reference's files do not cover. */
const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["_breakpoint", () => undefined],
  ["add-nodes", addNodes],
  ["campaign", campaign],
  ["compact", compact],
  ["deliver-msgs", deliverMessages],
  ["forget-leader", forgetLeader],
  ["log-level", (env, args) => setLevel(env, args[0]?.key ?? "")],
  [
    "process-append-thread",
    processThread("processing append thread", (env, id) => env.processAppend(id)),
  ],
  [
    "process-apply-thread",
    processThread("processing apply thread", (env, id) => env.processApply(id)),
  ],
  ["process-ready", processThread("handling Ready", (env, id) => env.processReady(id))],
  ["propose", propose],
  ["propose-conf-change", proposeMembership],
  ["raft-log", (env, args) => printLog(env, first(env, args))],
  ["raft-state", printState],
  ["report-unreachable", reportUnreachable],
  ["send-snapshot", sendSnapshot],
  ["set-randomized-election-timeout", setElectionTimeout],
  ["stabilize", stabilize],
  ["status", printStatus],
  ["tick-election", (env, args) => tick(first(env, args), "electionTicks")],
  ["tick-heartbeat", (env, args) => tick(first(env, args), "heartbeatTicks")],
  ["transfer-leadership", transferLeadership],
  // read-index ID CONTEXT: asks for a read index at a node.
  ["read-index", readIndex],
  // report-snapshot FROM TO ok=true|false: what the transport says of a snapshot.
  ["report-snapshot", reportSnapshot],
  // crash ID: the process ends and starts again from what storage holds.
  ["crash", (env, args) => first(env, args).restart()],
  // propose-bytes ID COUNT: proposes that many bytes of payload.
  ["propose-bytes", proposeBytes],
  // membership ID: the configuration in force at a node.
  ["membership", printMembership],
  // duplicate-msgs ID: queues a copy of everything that is queued for a node.
  ["duplicate-msgs", (env, args) => env.duplicate(firstNumber(args))],
]);

function first(env: Environment, args: readonly Argument[]): TranscriptNode {
  return env.node(firstNumber(args));
}

function two(args: readonly Argument[]): readonly [number, number] {
  const [one, other, ...more] = numbers(args);
  if (one === undefined || other === undefined || more.length > 0) {
    throw new ScriptError("two node ids are needed");
  }
  return [one, other];
}

function compact(env: Environment, args: readonly Argument[]): CommandError {
  const [id, index] = two(args);
  env.node(id).storage.compact(index);
  return printLog(env, env.node(id));
}

function deliverMessages(env: Environment, args: readonly Argument[]): CommandError {
  const recipients: Recipient[] = [];
  for (const arg of args) {
    if (arg.values.length === 0) {
      recipients.push({ id: firstNumber([arg]), drop: false });
    } else if (arg.key === "drop") {
      for (const id of numberList([arg], "drop")) {
        if (recipients.some((recipient) => recipient.id === id)) {
          throw new ScriptError(`can't both deliver and drop msgs to ${id}`);
        }
        recipients.push({ id, drop: true });
      }
    } else if (arg.key !== "type") {
      throw new ScriptError(`unknown argument ${arg.key}`);
    }
  }
  const count = env.deliver(recipients, value(args, "type"));
  if (count === 0) env.output.line("no messages");
  return undefined;
}

function campaign(env: Environment, args: readonly Argument[]): CommandError {
  first(env, args).use((core) => core.campaign());
  return undefined;
}

function forgetLeader(env: Environment, args: readonly Argument[]): CommandError {
  first(env, args).use((core) => core.forgetLeader());
  return undefined;
}

function setLevel(env: Environment, name: string): CommandError {
  const level: Level | undefined = LEVELS.find((known) => known === name.toUpperCase());
  if (level === undefined) return `log levels must be either of [${LEVELS.join(" ")}]`;
  env.output.level = level;
  return undefined;
}

function processThread(what: string, work: (env: Environment, id: number) => void): Command {
  return (env, args) => {
    const ids = numbers(args);
    for (const id of ids) {
      if (ids.length > 1) env.headed(id, what, () => work(env, id));
      else work(env, id);
    }
    return undefined;
  };
}

function propose(env: Environment, args: readonly Argument[]): CommandError {
  const [, word, ...more] = args;
  if (word === undefined || word.values.length > 0 || more.length > 0) {
    throw new ScriptError("propose takes a node id and one word");
  }
  return proposePayload(first(env, args), new TextEncoder().encode(word.key));
}

function proposeBytes(env: Environment, args: readonly Argument[]): CommandError {
  const [id, count] = two(args);
  return proposePayload(env.node(id), new Uint8Array(count).fill(0x78));
}

function proposePayload(node: TranscriptNode, data: Uint8Array): CommandError {
  return errorOf(node.use((core) => core.propose([{ kind: "records", data }])));
}

function proposeMembership(
  env: Environment,
  args: readonly Argument[],
  input: string,
): CommandError {
  const unknown = args.slice(1).find((arg) => !["v1", "transition"].includes(arg.key));
  if (unknown !== undefined) return `unknown command ${unknown.key}`;
  const format = value(args, "v1") === "true" ? 1 : 2;
  const transitions = {
    auto: "auto",
    implicit: "jointImplicit",
    explicit: "jointExplicit",
  } as const;
  const name = value(args, "transition") ?? "auto";
  if (name !== "auto" && name !== "implicit" && name !== "explicit") {
    return `unknown transition ${name}`;
  }
  const parsed = parseSteps(input);
  if ("error" in parsed) return parsed.error;
  const transition = transitions[name];
  if (format === 1 && (parsed.steps.length > 1 || transition !== "auto")) {
    return "v1 conf change can only have one operation and no transition";
  }
  const change = { format, transition, steps: parsed.steps, context: new Uint8Array(0) } as const;
  return errorOf(first(env, args).use((core) => core.proposeMembership(change)));
}

function errorOf(outcome: ProposeOutcome): CommandError {
  return outcome.kind === "dropped" ? DROPPED : undefined;
}

function printLog(env: Environment, node: TranscriptNode): CommandError {
  const { storage } = node;
  const firstIndex = storage.firstIndex();
  const lastIndex = storage.lastIndex();
  env.output.write(
    lastIndex < firstIndex
      ? `log is empty: first index=${firstIndex}, last index=${lastIndex}`
      : describeEntries(storage.allEntries()),
  );
  return undefined;
}

function printState(env: Environment): CommandError {
  for (const node of env.nodes) {
    const { role, term, leader, membership } = node.use((core) => core.status());
    const votes =
      membership.voters.includes(node.id) || membership.votersOutgoing.includes(node.id);
    env.output.line(
      `${node.id}: ${describeRole(role)} (${votes ? "Voter" : "Non-Voter"}) Term:${term} Lead:${leader}`,
    );
  }
  return undefined;
}

function printStatus(env: Environment, args: readonly Argument[]): CommandError {
  for (const progress of first(env, args).use((core) => core.status()).progress) {
    env.output.line(`${progress.member}: ${describeProgress(progress)}`);
  }
  return undefined;
}

function printMembership(env: Environment, args: readonly Argument[]): CommandError {
  const { membership } = first(env, args).use((core) => core.status());
  env.output.line(describeMembership(membership));
  return undefined;
}

function reportUnreachable(env: Environment, args: readonly Argument[]): CommandError {
  const [from, about] = two(args);
  env.node(from).use((core) => core.reportUnreachable(memberId(about)));
  return undefined;
}

function reportSnapshot(env: Environment, args: readonly Argument[]): CommandError {
  const [from, about] = two(args);
  const ok = value(args, "ok") === "true";
  env.node(from).use((core) => core.reportSnapshot(memberId(about), ok));
  return undefined;
}

function sendSnapshot(env: Environment, args: readonly Argument[]): CommandError {
  const [from, to] = two(args);
  const node = env.node(from);
  const message = {
    kind: "installSnapshot",
    from: node.id,
    to: memberId(to),
    term: node.use((core) => core.status()).term,
    snapshot: node.newestSnapshot(),
  } as const;
  env.enqueue({ kind: "message", to: message.to, message });
  env.output.write(describeMessage(message));
  return undefined;
}

function setElectionTimeout(env: Environment, args: readonly Argument[]): CommandError {
  const ticks = requiredNumber(args, "timeout");
  if (ticks === 0) throw new ScriptError("timeout must be above 0");
  first(env, args).use((core) => core.setElectionTimeout(ticks));
  return undefined;
}

function stabilize(env: Environment, args: readonly Argument[]): CommandError {
  const ids = numbers(args);
  const before = env.output.level;
  const level = value(args, "log-level");
  const error = level === undefined ? undefined : setLevel(env, level);
  if (error !== undefined) return error;
  env.stabilize(ids.length > 0 ? ids : env.nodes.map((node) => node.id));
  env.output.level = before;
  return undefined;
}

function tick(node: TranscriptNode, ticks: "electionTicks" | "heartbeatTicks"): CommandError {
  for (let i = 0; i < node.config[ticks]; i += 1) node.use((core) => core.tick());
  return undefined;
}

function transferLeadership(env: Environment, args: readonly Argument[]): CommandError {
  const from = requiredNumber(args, "from");
  const to = requiredNumber(args, "to");
  env.node(from).use((core) => core.transferLeadership(memberId(to)));
  return undefined;
}

function readIndex(env: Environment, args: readonly Argument[]): CommandError {
  const [id, context] = two(args);
  const outcome = env.node(id).use((core) => core.readIndex(context));
  return outcome.kind === "dropped" ? `raft read dropped: ${outcome.reason}` : undefined;
}
