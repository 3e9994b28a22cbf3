// Goal: every state of a log has its name and its reason, and only an open one has none.
import { expect, test } from "vitest";
import { newPlace } from "../../src/node/logDirectory.ts";
import type { LogPlace } from "../../src/node/logDirectory.ts";
import { stateOf } from "../../src/node/reasons.ts";

function place(change: Partial<LogPlace>): LogPlace {
  return { ...newPlace({ id: 3, name: "audit", voters: [] }, false), ...change };
}

const repairing = { what: "checksum", entries: undefined, missing: false };

test.each([
  ["open", place({ opened: true }), true, "nothing"],
  ["silent", place({ opened: true }), false, "log audit does not answer"],
  ["opening", place({}), false, "log audit is being opened"],
  [
    "opening",
    place({ waitsFor: "place" }),
    false,
    "waits to be opened until others have caught up",
  ],
  ["opening", place({ waitsFor: "isolation" }), false, "is isolated and waits for its next try"],
  ["opening", place({ refused: "EROFS at /d" }), false, "because the disk refuses: EROFS at /d"],
  ["repairing", place({ repairing }), false, "log audit is repairing: checksum"],
])("%s", (state, log, answers, reason) => {
  const told = stateOf(log, answers);
  expect(told.state).toBe(state);
  expect(told.reason ?? "nothing").toContain(reason);
});
