/**
 * Goal: an append is carried out where the leader is, passed on once at most, counted as what
 * became of it, and never without its bytes. Method: tables of where the leader is said to be.
 */
import { FORWARDED_ANSWER_BYTES } from "@annals/api";
import { MovableBody } from "@annals/channel";
import { Ledger } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { beforeEach, describe, expect, it, test } from "vitest";
import { AppendService } from "../src/appendService.ts";
import type { AdmittedAppend, AppendCall } from "../src/appendService.ts";
import type { Forwarded, ForwardRequest } from "../src/forwarder.ts";
import { IngestDesk } from "../src/ingest/ingestDesk.ts";
import type { ForwardTarget } from "../src/service.ts";

const LOCAL: ForwardTarget = { kind: "local" };
const REMOTE: ForwardTarget = { kind: "remote", node: "b", address: "b:1" };
const NONE: ForwardTarget = { kind: "none" };
const REPLY = { firstSeq: 1, lastSeq: 2, count: 2, duplicate: false };
const FORWARDED: Forwarded = { status: 200, headers: {}, body: Buffer.from("{}") };
const CALL: AppendCall = {
  log: "audit log",
  contentType: "application/x-ndjson",
  producer: { id: "p", epoch: 1, sequence: 7 },
  timeoutMs: 3000,
  passedOn: false,
};
const notLeader = (): Error => new AnnalsError("ERR_NOT_LEADER", "gone", { retryable: true });

let targets: ForwardTarget[];
/** What each append here does with its body. */
let appends: ((body: MovableBody) => void)[];
let forwarded: ForwardRequest[];
let answer: Forwarded;
let desk: IngestDesk;
let service: AppendService;

beforeEach(() => {
  targets = [];
  appends = [];
  forwarded = [];
  answer = FORWARDED;
  desk = new IngestDesk({
    maxLogBytes: 1000,
    maxNodeBytes: 1000,
    maxRequests: 10,
    ledger: new Ledger(),
    now: () => 0,
  });
  service = new AppendService({
    desk,
    service: {
      forwardTarget: () => targets.shift() ?? NONE,
      append: async (_log, { body }) => {
        appends.shift()?.(body);
        return REPLY;
      },
    },
    forwarder: {
      forward: async (request) => {
        forwarded.push(request);
        return answer;
      },
    },
  });
});

const newBody = (): MovableBody => MovableBody.own(Buffer.from("12345"));
const admit = (call: Partial<AppendCall> = {}): AdmittedAppend =>
  service.admit({ ...CALL, ...call }, 5);
const counts = (): unknown => {
  const { accepted, passedOn, buffered } = desk.read().node;
  return { ...accepted, passedOn, held: buffered.bytes.current };
};
const APPENDED = { requests: 1, records: 2, bytes: 5, passedOn: 0, held: 5 };
const PASSED_ON = { requests: 0, records: 0, bytes: 0, passedOn: 1, held: 5 };
const NOTHING = { requests: 0, records: 0, bytes: 0, passedOn: 0, held: 5 };

describe("an append is answered", () => {
  const gone = (): never => {
    throw notLeader();
  };
  const fromHere = { kind: "local", reply: REPLY };
  const fromThere = { kind: "forwarded", leader: "b:1", reply: FORWARDED };

  it.each([
    { where: "here", said: [LOCAL], here: [], outcome: fromHere, counted: APPENDED },
    { where: "by the leader", said: [REMOTE], here: [], outcome: fromThere, counted: PASSED_ON },
    {
      where: "here, when the leadership came back",
      said: [LOCAL, LOCAL],
      here: [gone],
      outcome: fromHere,
      counted: APPENDED,
    },
    {
      where: "by the leader, when the leadership has gone there",
      said: [LOCAL, REMOTE],
      here: [gone],
      outcome: fromThere,
      counted: PASSED_ON,
    },
  ])("$where", async ({ said, here, outcome, counted }) => {
    targets = [...said];
    appends = [...here];
    const append = admit();
    expect(await append.run(newBody())).toEqual(outcome);
    expect(counts()).toEqual(counted);
    append.close();
    append.close();
    expect(counts()).toEqual({ ...counted, held: 0 });
  });
});

describe("an append is refused", () => {
  const gone = (): never => {
    throw notLeader();
  };
  const movedAndGone = (body: MovableBody): never => {
    body.move();
    throw notLeader();
  };

  it.each([
    { when: "nobody leads", said: [NONE], here: [], code: "ERR_NO_LEADER" },
    { when: "the leadership moves twice", said: [LOCAL, LOCAL], here: [gone, gone] },
    {
      when: "its body moved, and the leader is there",
      said: [LOCAL, REMOTE],
      here: [movedAndGone],
    },
    { when: "its body moved, and the leader is here", said: [LOCAL, LOCAL], here: [movedAndGone] },
    { when: "it was passed on already", said: [REMOTE], here: [], call: { passedOn: true } },
  ])("when $when", async ({ said, here, code = "ERR_NOT_LEADER", call = {} }) => {
    targets = [...said];
    appends = [...here];
    const append = admit(call);
    await expect(append.run(newBody())).rejects.toMatchObject({ code, retryable: true });
    expect(forwarded).toEqual([]);
    expect(counts()).toEqual(NOTHING);
    append.close();
    expect(counts()).toEqual({ ...NOTHING, held: 0 });
  });

  it("when there is no room for its body", () => {
    const append = admit();
    expect(() => service.admit(CALL, 1000)).toThrow(
      expect.objectContaining({ code: "ERR_OVERLOADED" }),
    );
    expect(counts()).toEqual(NOTHING);
    append.close();
  });
});

test("the leader gets the bytes with their head, and a second more than the deadline", async () => {
  targets = [REMOTE];
  const body = newBody();
  await admit().run(body);
  expect(forwarded).toEqual([
    {
      address: "b:1",
      method: "POST",
      path: "/v1/logs/audit%20log/records",
      headers: {
        "content-type": "application/x-ndjson",
        "annals-timeout": "3000ms",
        "annals-producer": "p;epoch=1;sequence=7",
      },
      body: body.bytes,
      timeoutMs: 4000,
      maxAnswerBytes: FORWARDED_ANSWER_BYTES.append,
    },
  ]);
});

test("a refusal of the leader is handed on as it came, and counted as passed on", async () => {
  targets = [REMOTE];
  answer = { status: 429, headers: { "retry-after": "1" }, body: Buffer.from("{}") };
  expect(await admit().run(newBody())).toEqual({
    kind: "forwarded",
    leader: "b:1",
    reply: answer,
  });
  expect(counts()).toEqual(PASSED_ON);
});
