import type { RecordContentType } from "@annals/api";
import { didYouMean } from "@annals/config";
import {
  choiceParameter,
  filterParameters,
  integerParameter,
  invalidParameter,
  laneParameter,
  textParameter,
  timeParameter,
} from "@annals/query";
import type { ReadQuery, RecordFilter } from "@annals/query";
import type { ProducerStamp } from "@annals/record";
import type { StreamFields } from "@annals/wire";
import { parseProducer, parseTimeout } from "../appendRequest.ts";
import { httpError } from "../problem.ts";
import { parseConsumer } from "./consumeHead.ts";
import type { ConsumerFields } from "./consumeHead.ts";

/** Where a subscription begins. */
export type Start =
  | { readonly kind: "seq"; readonly seq: number }
  | { readonly kind: "end" }
  /** At the first record of this time or later, in ms since 1970. */
  | { readonly kind: "time"; readonly since: number };

export type SubscriptionFilter = RecordFilter & Pick<ReadQuery, "lane">;

/** What a client asks for. `id` is its own, from 1; answers carry it. */
export type ClientHead =
  | {
      readonly kind: "append";
      readonly id: number;
      readonly log: string;
      readonly contentType: RecordContentType;
      readonly producer: ProducerStamp | undefined;
      readonly timeoutMs: number;
    }
  | {
      readonly kind: "subscribe";
      readonly id: number;
      readonly log: string;
      readonly start: Start;
      readonly filter: SubscriptionFilter;
      /** The first credit. */
      readonly records: number;
      readonly bytes: number;
    }
  | ({
      readonly kind: "consume";
      readonly id: number;
      readonly log: string;
      /** The first credit. */
      readonly records: number;
      readonly bytes: number;
    } & ConsumerFields)
  | {
      readonly kind: "credit";
      readonly id: number;
      readonly records: number;
      readonly bytes: number;
    }
  | { readonly kind: "ack"; readonly id: number; readonly seq: number }
  | { readonly kind: "unsubscribe"; readonly id: number };

export type ClientKind = ClientHead["kind"];

const FIELDS: Readonly<Record<ClientKind, readonly string[]>> = {
  append: ["kind", "id", "log", "format", "producer", "timeout"],
  subscribe: [
    "kind",
    "id",
    "log",
    "from",
    "records",
    "bytes",
    "actor",
    "action",
    "target",
    "tenant",
    "lane",
    "laneKey",
  ],
  consume: [
    "kind",
    "id",
    "log",
    "group",
    "member",
    "settings",
    "lane",
    "laneKey",
    "lanes",
    "from",
    "records",
    "bytes",
    "actor",
    "action",
    "target",
    "tenant",
  ],
  credit: ["kind", "id", "records", "bytes"],
  ack: ["kind", "id", "seq"],
  unsubscribe: ["kind", "id"],
};
const KINDS = ["append", "subscribe", "consume", "credit", "ack", "unsubscribe"] as const;

const FORMATS: Readonly<Record<string, RecordContentType>> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  msgpack: "application/msgpack",
};

/** The head's id and kind, without which no answer can be given: ERR_STREAM_MALFORMED. */
export function parseAddress(fields: StreamFields): { kind: ClientKind; id: number } {
  const kind = KINDS.find((known) => known === fields.get("kind"));
  const id = fields.get("id");
  if (kind === undefined) throw malformed(`kind: expected one of ${KINDS.join(", ")}`, "kind");
  if (typeof id === "number" && id >= 1) return { kind, id };
  throw malformed("id: expected a whole number from 1", "id");
}

/** Reads a head whose kind and id are known. Throws the codes that the same would have over HTTP. */
export function parseClientHead(
  { kind, id }: { readonly kind: ClientKind; readonly id: number },
  fields: StreamFields,
  formatStandard: "json" | "msgpack",
): ClientHead {
  const text = textFields(kind, fields);
  switch (kind) {
    case "append": {
      const producer = parseProducer(text("producer"));
      const timeoutMs = parseTimeout(text("timeout"));
      const format = choiceParameter("format", text("format"), Object.keys(FORMATS));
      const contentType = FORMATS[format ?? formatStandard] ?? "application/json";
      return { kind, id, log: logField(text), contentType, producer, timeoutMs };
    }
    case "subscribe": {
      const filter: SubscriptionFilter = {
        ...filterParameters(text),
        lane: laneParameter(text("lane"), text("laneKey")),
      };
      const log = logField(text);
      return { kind, id, log, start: startField(text("from")), filter, ...creditFields(text, 0) };
    }
    case "consume":
      return { kind, id, log: logField(text), ...parseConsumer(text), ...creditFields(text, 0) };
    case "credit":
      return { kind, id, ...creditFields(text, undefined) };
    case "ack": {
      const seq = integerParameter("seq", text("seq"), 1, Number.MAX_SAFE_INTEGER);
      if (seq === undefined) throw invalidParameter("seq", "is missing");
      return { kind, id, seq };
    }
    case "unsubscribe":
      return { kind, id };
    default:
      return kind satisfies never;
  }
}

type Text = (name: string) => string | undefined;

/** Fields as the texts that parameters of a request are; unknown ones are refused. */
function textFields(kind: ClientKind, fields: StreamFields): Text {
  const known = FIELDS[kind];
  for (const name of fields.keys()) {
    if (known.includes(name)) continue;
    throw httpError(
      "ERR_PARAMETER_UNKNOWN",
      `unknown field "${name}"${didYouMean(name, known) || `: ${kind} has ${known.join(", ")}`}`,
      { details: { parameter: name } },
    );
  }
  return (name) => {
    const value = fields.get(name);
    return value === undefined ? undefined : String(value);
  };
}

function logField(text: Text): string {
  const log = textParameter("log", text("log"));
  if (log === undefined) throw invalidParameter("log", "is missing");
  return log;
}

function startField(text: string | undefined): Start {
  if (text === undefined || text === "first") return { kind: "seq", seq: 1 };
  if (text === "end") return { kind: "end" };
  if (/^\d+$/.test(text)) {
    const seq = integerParameter("from", text, 1, Number.MAX_SAFE_INTEGER);
    return { kind: "seq", seq: seq ?? 1 };
  }
  const since = timeParameter("from", text);
  return { kind: "time", since: since ?? 0 };
}

/** Without `bytes`, only records are counted. */
function creditFields(
  text: Text,
  standard: number | undefined,
): { readonly records: number; readonly bytes: number } {
  const records = integerParameter("records", text("records"), 0, CREDIT_MAX) ?? standard;
  if (records === undefined) throw invalidParameter("records", "is missing");
  const bytes = integerParameter("bytes", text("bytes"), 0, CREDIT_MAX) ?? CREDIT_MAX;
  return { records, bytes };
}

/** Sums of it stay exact for as long as a stream lives. */
const CREDIT_MAX = 2 ** 40;

function malformed(message: string, field: string): Error {
  return httpError("ERR_STREAM_MALFORMED", message, { details: { field } });
}
