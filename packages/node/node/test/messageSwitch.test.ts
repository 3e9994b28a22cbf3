/**
 * Goal: each kind of message that a worker sends unasked reaches the part that it is for, and changes
 * a log only if the worker holds it. Method: a table of all kinds; receivers note what they are told.
 */
import type { MemberId } from "@annals/raft";
import { SYSTEM_LOG_ID } from "@annals/system";
import { beforeEach, expect, test } from "vitest";
import { newPlace } from "../src/logDirectory.ts";
import type { LogPlace } from "../src/logDirectory.ts";
import { newsHandlers, switchNews } from "../src/messageSwitch.ts";
import type { NewsReceivers } from "../src/messageSwitch.ts";
import type { WorkerHandle, WorkerNews } from "../src/workerHandle.ts";

const B = 2 as MemberId;
const HOLDER = {} as WorkerHandle;
const FORMER = {} as WorkerHandle;
const bytes = new Uint8Array(1);
const error = {
  code: "ERR_STORAGE_FAILED",
  message: "x",
  retryable: false,
  details: {},
  causes: [],
};
const note = { what: "damage", entries: undefined, missing: false };
const fault = { code: "ERR_X", reason: "wrong" };

let place: LogPlace;
let told: unknown[][];

beforeEach(() => {
  place = { ...newPlace({ id: 1, name: "audit", voters: [] }, false), worker: HOLDER };
  place.catchingUp = true;
  told = [];
});

function tell(from: WorkerHandle, news: WorkerNews): void {
  const note =
    (what: string) =>
    (...args: readonly unknown[]): void =>
      void told.push([what, ...args]);
  const receivers = {
    logger: { info: note("info"), warn: note("warn") },
    peers: { send: note("send") },
    server: {
      sendTo: note("sendTo"),
      released: (_worker: WorkerHandle, { bytes }: { bytes: number }) => note("released")(bytes),
      fault: (linkId: number, { code }: { code: string }) => note("fault")(linkId, code),
      faultOf: (member: MemberId, { code }: { code: string }) => note("faultOf")(member, code),
    },
    placeOf: (logId: number) => (logId === place.entry.id ? place : undefined),
    nodeName: (member: MemberId) => (member === B ? "b" : undefined),
    onRoom: note("room"),
    onRoles: note("roles"),
    onLeadsSystem: note("leadsSystem"),
    onCommand: note("command"),
    onUnusable: note("unusable"),
    onFatal: ({ code }: { code: string }) => note("fatal")(code),
  } as unknown as NewsReceivers;
  switchNews(newsHandlers(receivers), from, news.kind, news);
}

const role = { kind: "role", logId: 1, leader: B, term: 3, diverged: false } as const;

const STATES: readonly (readonly [WorkerNews, Partial<LogPlace>, readonly unknown[][]])[] = [
  [{ kind: "opened", logId: 1 }, { opened: true }, []],
  [{ kind: "caughtUp", logId: 1, progress: true }, { catchingUp: false }, [["room"]]],
  [
    { kind: "repairing", logId: 1, note },
    { repairing: note, catchingUp: false },
    [["room"], ["roles"]],
  ],
  [{ kind: "resolving", logId: 1, keep: "b" }, { resolving: "b", catchingUp: false }, [["roles"]]],
  [{ kind: "resolved", logId: 1, decision: 9 }, { carriedOut: 9 }, []],
  [{ kind: "refused", logId: 1, reason: "EROFS" }, { refused: "EROFS", catchingUp: false }, []],
  [{ ...role, role: "follower" }, { role: "follower", leader: B, term: 3 }, [["roles"]]],
];

test.each(STATES)("%j changes the place of its log", (news, change, expected) => {
  const before = { ...place };
  tell(HOLDER, news);
  expect(place).toMatchObject(change);
  expect(told).toEqual(expected);
  Object.assign(place, before);
  tell(FORMER, news);
  expect(place).toEqual(before);
});

test("a log that makes no progress is logged", () => {
  tell(HOLDER, { kind: "caughtUp", logId: 1, progress: false });
  expect(told.map(([what]) => what)).toEqual(["info", "room"]);
});

test("the birth logs are created by whoever leads _system, if its worker says so", () => {
  tell(HOLDER, { ...role, role: "leader" });
  expect(told).toEqual([["roles"]]);
  place.entry = { ...place.entry, id: SYSTEM_LOG_ID };
  const leads = { ...role, role: "leader", logId: SYSTEM_LOG_ID } as const;
  told = [];
  tell(HOLDER, leads);
  expect(told).toEqual([["leadsSystem"], ["roles"]]);
  told = [];
  tell(FORMER, leads);
  expect(told).toEqual([["roles"]]);
});

test.each<readonly [WorkerNews, readonly unknown[]]>([
  [{ kind: "unusable", logId: 1, what: "gone" }, ["unusable", "log audit: gone"]],
  [{ kind: "unusable", logId: 7, what: "gone" }, ["unusable", "log 7: gone"]],
  [{ kind: "openFailed", logId: 1, error }, ["fatal", "ERR_STORAGE_FAILED"]],
  [{ kind: "failed", logId: 1, error }, ["fatal", "ERR_STORAGE_FAILED"]],
  [{ kind: "control", to: B, logId: 1, bytes }, ["send", "b", 1, bytes]],
  [{ kind: "linkSend", linkId: 4, frames: [bytes] }, ["sendTo", 4, [bytes]]],
  [{ kind: "linkReleased", linkId: 4, bytes: 8, frames: 1 }, ["released", 8]],
  [{ kind: "linkFault", linkId: 4, ...fault }, ["fault", 4, "ERR_X"]],
  [{ kind: "peerFault", member: B, ...fault }, ["faultOf", B, "ERR_X"]],
  [{ kind: "command", index: 5, data: bytes }, ["command", 5, bytes]],
  [{ kind: "line", level: "warn", fields: { a: 1 }, text: "t" }, ["warn", { a: 1 }, "t"]],
])("%j is handed on", (news, expected) => {
  tell(HOLDER, news);
  expect(told).toEqual([expected]);
});
