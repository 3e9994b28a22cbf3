import {
  choiceParameter,
  filterParameters,
  integerParameter,
  invalidParameter,
  textParameter,
} from "@annals/query";
import type { RecordFilter } from "@annals/query";
import { LANE_KEYS, LANES_MAX } from "@annals/record";
import type { LaneKey } from "@annals/record";
import type { GroupStart } from "@annals/api";
import { groupStart } from "../groupStart.ts";

/** How a client consumes a log by a group. */
export interface ConsumerFields {
  readonly group: string;
  readonly member: string;
  /** With whatever else decides what the group brings: consumers that differ in it must not share a cursor. */
  readonly settings: string;
  /** The lane that it wants; undefined: any that is free. */
  readonly lane: number | undefined;
  readonly laneKey: LaneKey;
  /** What the group is made with if it is not there; undefined: it must be there. */
  readonly create: { readonly lanes: number; readonly from: GroupStart } | undefined;
  /** What the client wants of its lane. */
  readonly filter: RecordFilter;
}

const MEMBER_MAX = 128;
const SETTINGS_MAX = 256;

/** Reads what a `consume` has beside its log and credit. Throws ERR_PARAMETER_INVALID. */
export function parseConsumer(text: (name: string) => string | undefined): ConsumerFields {
  const laneKey = choiceParameter("laneKey", text("laneKey"), LANE_KEYS) ?? "actor";
  const filter = filterParameters(text);
  return {
    group: given("group", text("group")),
    member: shorter("member", given("member", text("member")), MEMBER_MAX),
    settings: shorter("settings", wholeSettings(text("settings"), laneKey, filter), SETTINGS_MAX),
    lane: integerParameter("lane", text("lane"), 0, LANES_MAX - 1),
    laneKey,
    create: creation(text("lanes"), text("from")),
    filter,
  };
}

function creation(
  lanesText: string | undefined,
  from: string | undefined,
): ConsumerFields["create"] {
  const lanes = integerParameter("lanes", lanesText, 1, LANES_MAX);
  if (lanes !== undefined) {
    const start = from !== undefined && /^\d{1,15}$/.test(from) ? Number(from) : (from ?? "first");
    return { lanes, from: groupStart("from", start) };
  }
  if (from === undefined) return undefined;
  throw invalidParameter("from", "goes with lanes, where the group may have to be made");
}

/** The user's own, and what differs from all records by their actors. */
function wholeSettings(
  own: string | undefined,
  laneKey: LaneKey,
  filter: ConsumerFields["filter"],
): string {
  const rest = Object.entries({ laneKey: laneKey === "actor" ? undefined : laneKey, ...filter });
  const texts = rest.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return [...(own === undefined || own === "" ? [] : [own]), ...texts].join(" ");
}

function given(name: string, text: string | undefined): string {
  const found = textParameter(name, text);
  if (found === undefined) throw invalidParameter(name, "is missing");
  return found;
}

function shorter(name: string, text: string, max: number): string {
  if (text.length <= max) return text;
  throw invalidParameter(name, `has ${text.length} characters, with the filter; at most ${max}`);
}
