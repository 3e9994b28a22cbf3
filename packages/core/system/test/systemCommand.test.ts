/** Goal: a committed command is read as it was written, or stops the node. Method: a table of each kind, and of what is none. */
import { asMemberId } from "@annals/raft";
import { encodeUtf8 } from "@annals/record";
import { expect, test } from "vitest";
import { decodeCommand, encodeCommand } from "../src/systemCommand.ts";
import type { SystemCommand } from "../src/systemCommand.ts";

const member = asMemberId(7);
const COMMANDS: readonly SystemCommand[] = [
  { op: "createLog", name: "audit", voters: [1, 2, 3].map(asMemberId) },
  { op: "replaceMember", node: "b", member },
  { op: "setSchema", log: "audit", action: "a.b", schema: '{"type":"object"}' },
  { op: "setSchema", log: "audit", action: "a.b", schema: null },
  { op: "resolveLog", log: "audit", keep: "a", member, by: "", at: 0 },
  { op: "decisionCarriedOut", log: "audit", decision: 17, member },
];

test.each(COMMANDS)("$op is read as it was written", (command) => {
  expect(decodeCommand(encodeCommand(command))).toEqual(command);
});

test.each(COMMANDS)(
  "$op without one of its fields, with one more, or with one of another type is none",
  (command) => {
    const read = (value: unknown): SystemCommand =>
      decodeCommand(encodeUtf8(JSON.stringify(value)) ?? new Uint8Array());
    const fields: Readonly<Record<string, unknown>> = { ...command };
    for (const key of Object.keys(fields)) {
      const { [key]: _gone, ...without } = fields;
      expect(() => read(without)).toThrow("does not parse");
      expect(() => read({ ...fields, [key]: { not: "this" } })).toThrow("does not parse");
    }
    expect(() => read({ ...fields, more: 1 })).toThrow("does not parse");
  },
);

test.each([
  "",
  "null",
  "[]",
  "1",
  '"createLog"',
  '{"op":"nope"}',
  '{"op":"createLog","name":"","voters":[1]}',
  '{"op":"createLog","name":"a","voters":[]}',
  '{"op":"createLog","name":"a","voters":[0]}',
  '{"op":"replaceMember","node":"b","member":1.5}',
  '{"op":"resolveLog","log":"a","keep":"a","member":1,"by":"ada","at":-1}',
])("%s is none", (text) => {
  expect(() => decodeCommand(encodeUtf8(text) ?? new Uint8Array())).toThrow(
    expect.objectContaining({ code: "ERR_COMMAND_UNKNOWN" }),
  );
});
