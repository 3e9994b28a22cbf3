import { asIndex, INDEX_MAX, invariant } from "@annals/raft";
import type { LogIndex } from "@annals/raft";
import { AnnalsError, asSeq, decodeUtf8, encodeUtf8, LANES_MAX } from "@annals/record";
import type { Seq } from "@annals/record";

/** The index of the entry that created the group: a group that is made anew under an old name is another one. */
export type GroupId = LogIndex;

/** Where a consumer stands in a lane that it holds. */
export interface LanePosition {
  readonly group: GroupId;
  readonly lane: number;
  readonly token: number;
  readonly position: Seq;
}

/** What the log carries about its groups. */
export type GroupCommand =
  | {
      readonly op: "create";
      readonly name: string;
      readonly settings: string;
      readonly lanes: number;
      /** Where it begins: what was before it counts as done. */
      readonly position: Seq;
    }
  | { readonly op: "delete"; readonly group: GroupId }
  /** All lanes go on behind `position`, and nobody holds them. */
  | { readonly op: "reset"; readonly group: GroupId; readonly position: Seq }
  /** Grants the lane if nobody else was granted it since `previous`, nor one of the group for what is fed otherwise. */
  | {
      readonly op: "acquire";
      readonly group: GroupId;
      readonly lane: number;
      readonly member: string;
      /** What it writes to; see `GroupState`. */
      readonly feeds: string;
      /** What the group fed when the members that hold its lanes were looked at. */
      readonly fed: string;
      readonly previous: number;
    }
  | {
      readonly op: "release";
      readonly group: GroupId;
      readonly lane: number;
      readonly token: number;
    }
  | { readonly op: "commit"; readonly positions: readonly LanePosition[] };

/** The first byte of every group command: a JSON array. The commands of `_system` are JSON objects. */
const BRACKET = 0x5b;

export function isGroupCommand(data: Uint8Array): boolean {
  return data[0] === BRACKET;
}

/** The payload of a `command` entry: a JSON array of the layout's version, the operation and its fields in order. */
export function encodeGroupCommand(command: GroupCommand): Uint8Array {
  const bytes = encodeUtf8(JSON.stringify([1, command.op, ...fieldsOf(command)]));
  invariant(bytes !== undefined, "JSON has no lone surrogates");
  return bytes;
}

function fieldsOf(command: GroupCommand): readonly unknown[] {
  switch (command.op) {
    case "create":
      return [command.name, command.settings, command.lanes, command.position];
    case "delete":
      return [command.group];
    case "reset":
      return [command.group, command.position];
    case "acquire":
      return [
        command.group,
        command.lane,
        command.member,
        command.feeds,
        command.fed,
        command.previous,
      ];
    case "release":
      return [command.group, command.lane, command.token];
    case "commit":
      return command.positions.flatMap((at) => [at.group, at.lane, at.token, at.position]);
    default:
      return command satisfies never;
  }
}

/** Throws ERR_COMMAND_UNKNOWN: a committed command that this build cannot read must stop the replica, or replicas would differ. */
export function decodeGroupCommand(data: Uint8Array): GroupCommand {
  const fields = new Fields(data);
  if (fields.number() !== 1) throw unknown();
  const command = decodeOperation(fields);
  fields.end();
  return command;
}

function decodeOperation(fields: Fields): GroupCommand {
  const op = fields.text();
  switch (op) {
    case "create":
      return {
        op,
        name: fields.text(),
        settings: fields.text(),
        lanes: fields.number(LANES_MAX),
        position: asSeq(fields.number()),
      };
    case "delete":
      return { op, group: fields.index() };
    case "reset":
      return { op, group: fields.index(), position: asSeq(fields.number()) };
    case "acquire":
      return {
        op,
        group: fields.index(),
        lane: fields.number(),
        member: fields.text(),
        feeds: fields.text(),
        fed: fields.text(),
        previous: fields.number(),
      };
    case "release":
      return {
        op,
        group: fields.index(),
        lane: fields.number(),
        token: fields.number(),
      };
    case "commit":
      return { op, positions: decodePositions(fields) };
    default:
      throw unknown();
  }
}

function decodePositions(fields: Fields): readonly LanePosition[] {
  const positions: LanePosition[] = [];
  while (fields.left > 0) {
    positions.push({
      group: fields.index(),
      lane: fields.number(),
      token: fields.number(),
      position: asSeq(fields.number()),
    });
  }
  return positions;
}

/** Reads one value after the other, each of the kind that is expected. */
class Fields {
  readonly #values: readonly unknown[];
  #next = 0;

  constructor(data: Uint8Array) {
    try {
      const values: unknown = JSON.parse(decodeUtf8(data, 0, data.length) ?? "");
      this.#values = Array.isArray(values) ? values : [];
    } catch (cause) {
      throw unknown(cause);
    }
  }

  get left(): number {
    return this.#values.length - this.#next;
  }

  text(): string {
    const value = this.#values[this.#next++];
    if (typeof value !== "string") throw unknown();
    return value;
  }

  index(): LogIndex {
    return asIndex(this.number(INDEX_MAX));
  }

  number(max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#values[this.#next++];
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw unknown();
    if (value < 0 || value > max) throw unknown();
    return value;
  }

  end(): void {
    if (this.left !== 0) throw unknown();
  }
}

function unknown(cause?: unknown): AnnalsError {
  return new AnnalsError(
    "ERR_COMMAND_UNKNOWN",
    "a committed command does not parse: this build is older than the cluster",
    { cause },
  );
}
