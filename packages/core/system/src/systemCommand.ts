import { asMemberId, invariant } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError, decodeUtf8, encodeUtf8 } from "@annals/record";
import type { ResolveCommand } from "./logDecision.ts";

/** What the log `_system` carries. */
export type SystemCommand =
  | { readonly op: "createLog"; readonly name: string; readonly voters: readonly MemberId[] }
  /** A node came back with an empty disk: its new incarnation takes the place of the old one. */
  | { readonly op: "replaceMember"; readonly node: string; readonly member: MemberId }
  /** What `data` of the records of an action must be from now on; null: anything again. */
  | {
      readonly op: "setSchema";
      readonly log: string;
      readonly action: string;
      readonly schema: string | null;
    }
  /** A log has diverged: the copy of one node is kept. */
  | ({ readonly op: "resolveLog" } & ResolveCommand)
  /** A member has carried that out. */
  | {
      readonly op: "decisionCarriedOut";
      readonly log: string;
      readonly decision: number;
      readonly member: MemberId;
    };

export function encodeCommand(value: SystemCommand): Uint8Array {
  const bytes = encodeUtf8(JSON.stringify(value));
  invariant(bytes !== undefined, "JSON.stringify yields well-formed Unicode");
  return bytes;
}

/**
 * Reads a committed command. Throws ERR_COMMAND_UNKNOWN when it does not parse, which must stop the node: if it went past the command, the
 * replicas would differ.
 */
export function decodeCommand(data: Uint8Array): SystemCommand {
  const command = parseCommand(data);
  if (command !== undefined) return command;
  throw new AnnalsError(
    "ERR_COMMAND_UNKNOWN",
    "a committed command does not parse: this build is older than the cluster",
  );
}

/** Undefined for anything but a command with exactly its fields. */
function parseCommand(data: Uint8Array): SystemCommand | undefined {
  const fields = parseObject(decodeUtf8(data, 0, data.length));
  if (fields === undefined) return undefined;
  const command = commandOf(fields);
  if (command === undefined) return undefined;
  return Object.keys(fields).length === Object.keys(command).length ? command : undefined;
}

function commandOf(fields: Fields): SystemCommand | undefined {
  switch (fields["op"]) {
    case "createLog": {
      const { name, voters } = fields;
      if (!isName(name) || !isMembers(voters)) return undefined;
      return { op: "createLog", name, voters: voters.map(asMemberId) };
    }
    case "replaceMember": {
      const { node, member } = fields;
      if (!isName(node) || !isCounted(member)) return undefined;
      return { op: "replaceMember", node, member: asMemberId(member) };
    }
    case "setSchema": {
      const { log, action, schema } = fields;
      const isSchema = schema === null || typeof schema === "string";
      if (!isName(log) || !isName(action) || !isSchema) return undefined;
      return { op: "setSchema", log, action, schema };
    }
    case "resolveLog": {
      const { log, keep, member, by, at } = fields;
      if (!isName(log) || !isName(keep) || !isCounted(member)) return undefined;
      if (typeof by !== "string" || !(at === 0 || isCounted(at))) return undefined;
      return { op: "resolveLog", log, keep, member: asMemberId(member), by, at };
    }
    case "decisionCarriedOut": {
      const { log, decision, member } = fields;
      if (!isName(log) || !isCounted(decision) || !isCounted(member)) return undefined;
      return { op: "decisionCarriedOut", log, decision, member: asMemberId(member) };
    }
    default:
      return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string | undefined): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Not JSON.
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** A whole number of at least 1. */
function isCounted(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isMembers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every(isCounted);
}
