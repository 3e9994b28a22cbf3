// Goal: a lane of a group has one consumer at a time, which keeps it while it lives; what it acknowledges becomes the lane's position and
// nothing else does. Method: a real server over a node in memory with the real desk of groups.
import { MemoryGroups, MemoryService, startTestServer, until } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { laneOf } from "@annals/record";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordsOf, TestStream } from "./testStream.ts";

const LEASE_MS = 300;
const CONSUME = { kind: "consume", id: 1, log: "audit", group: "g", records: 100 } as const;

const open: (() => void | Promise<void>)[] = [];
let service: MemoryService;
let groups: MemoryGroups;
let server: TestServer;

beforeEach(async () => {
  service = new MemoryService();
  groups = new MemoryGroups(service, LEASE_MS);
  server = await start(service);
});

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function start(of: MemoryService): Promise<TestServer> {
  const started = await startTestServer({}, of);
  open.push(() => started.close());
  return started;
}

async function connect(to = server): Promise<TestStream> {
  const stream = await TestStream.open(to.url);
  open.push(() => stream.close());
  return stream;
}

/** Records whose actors are `k0` to `k4`, in turn. */
async function append(count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, k) => ({
    actor: { id: `k${k % 5}` },
    action: "a",
  }));
  await service.append("audit", {
    contentType: "application/json",
    body: Buffer.from(JSON.stringify(records)),
    producer: undefined,
    timeoutMs: 1000,
  });
}

test("a lane is granted, delivered from its position on, and goes on behind what was acknowledged", async () => {
  await append(10);
  const first = await connect();
  first.send({ ...CONSUME, member: "one", lanes: 2, lane: 1 });
  const { head } = await first.next("granted");
  expect(head).toMatchObject({ id: 1, lane: 1, lanes: 2, position: 0 });
  const { body, head: told } = await first.next("records");
  const seqs = recordsOf(body).map(({ seq }) => seq);
  const own = Array.from({ length: 10 }, (_, k) => k + 1).filter(
    (seq) => laneOf(`k${(seq - 1) % 5}`, 2) === 1,
  );
  expect(seqs).toEqual(own);
  expect(groups.positions("g")).toEqual([0, 0]);
  first.send({ kind: "ack", id: 1, seq: told["to"] ?? 0 });
  expect((await first.next("committed")).head).toMatchObject({ id: 1, seq: 10 });
  expect(groups.positions("g")).toEqual([0, 10]);
  first.send({ kind: "unsubscribe", id: 1 });
  const second = await connect();
  second.send({ ...CONSUME, member: "two", lane: 1 });
  expect((await second.next("granted")).head).toMatchObject({ lane: 1, position: 10 });
});

test("what was looked at and holds nothing of the lane is done with, and no more than that", async () => {
  const stream = await connect();
  stream.send({ ...CONSUME, member: "one", lanes: 1, action: "b" });
  await stream.next("granted");
  await append(5);
  // Looked at as a whole when the subscription comes to the end of the log.
  stream.send({ kind: "unsubscribe", id: 1 });
  stream.send({ ...CONSUME, id: 2, member: "one", action: "b" });
  expect((await stream.next("committed")).head).toMatchObject({ id: 2, seq: 5 });
  const other = await connect();
  other.send({ ...CONSUME, group: "h", member: "one", lanes: 1, records: 2 });
  await other.next("records");
  expect(groups.positions("h")).toEqual([0]);
});

test("nothing can be acknowledged that was not delivered", async () => {
  await append(5);
  const stream = await connect();
  stream.send({ ...CONSUME, member: "one", lanes: 1, records: 3 });
  await stream.next("granted");
  await stream.next("records");
  stream.send({ kind: "ack", id: 1, seq: 4 });
  expect(await stream.refusal()).toMatchObject({ id: 1, code: "ERR_GROUP_POSITION" });
  expect(groups.positions("g")).toEqual([0]);
  // It has given the lane back.
  stream.send({ ...CONSUME, id: 2, member: "two" });
  expect((await stream.next("granted")).head).toMatchObject({ id: 2, position: 0 });
});

test("who comes second stands by, and has the lane when the first is gone", async () => {
  const first = await connect();
  first.send({ ...CONSUME, member: "one", lanes: 1 });
  await first.next("granted");
  const second = await connect();
  second.send({ ...CONSUME, member: "two" });
  expect((await second.next("standby")).head).toEqual({ kind: "standby", id: 1 });
  first.close();
  await second.next("granted");
});

test("credit that is given while it stands by adds up", async () => {
  const first = await connect();
  first.send({ ...CONSUME, member: "one", lanes: 1 });
  await first.next("granted");
  const second = await connect();
  second.send({ ...CONSUME, member: "two", records: 1 });
  await second.next("standby");
  for (const records of [2, 3]) second.send({ kind: "credit", id: 1, records, bytes: 1000 });
  // What is refused was read after the credit.
  second.send({ kind: "append", id: 9, log: "audit" });
  expect(await second.refusal()).toMatchObject({ id: 9, code: "ERR_BODY_EMPTY" });
  first.close();
  await append(10);
  await second.next("granted");
  await until(() => (second.seqs().length >= 6 ? true : undefined));
  expect(second.seqs()).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a consumer keeps its lane while its process answers, and loses it when that is silent", async () => {
  const first = await connect();
  first.send({ ...CONSUME, member: "one", lanes: 1 });
  await first.next("granted");
  const second = await connect();
  second.send({ ...CONSUME, member: "two" });
  await second.next("standby");
  const asked = (op: string): number =>
    service.groupRequests.filter((request) => request.op === op).length;
  await until(() => (asked("renew") >= 9 && asked("acquire") >= 4 ? true : undefined));
  expect(second.received).toEqual([]);
  first.socket.pause();
  await second.next("granted");
  first.socket.resume();
  expect(await first.refusal()).toMatchObject({ id: 1, code: "ERR_GROUP_FENCED" });
});

test("a lane is given back when the last commit is answered, so that the next member goes on behind it", async () => {
  await append(5);
  const stream = await connect();
  stream.send({ ...CONSUME, member: "one", lanes: 1 });
  await stream.next("granted");
  await stream.next("records");
  const gate = Promise.withResolvers<void>();
  const answer = service.groupAnswer;
  service.groupAnswer = async (request) => {
    if (request.op === "commit") await gate.promise;
    return answer(request);
  };
  const asked = (op: string): number =>
    service.groupRequests.filter((request) => request.op === op).length;
  stream.send({ kind: "ack", id: 1, seq: 5 });
  await until(() => (asked("commit") === 1 ? true : undefined));
  stream.send({ kind: "unsubscribe", id: 1 });
  // Asked for by another one at once: whatever the node does on its own has come before.
  const other = await connect();
  other.send({ ...CONSUME, group: "h", member: "two", lanes: 1 });
  await other.next("granted");
  expect(asked("release")).toBe(0);
  gate.resolve();
  await until(() => (asked("release") === 1 ? true : undefined));
  expect(groups.positions("g")).toEqual([5]);
});

test("a reset is told to whoever holds a lane, and the next one begins there", async () => {
  await append(5);
  const stream = await connect();
  stream.send({ ...CONSUME, member: "one", lanes: 1 });
  await stream.next("granted");
  await groups.reset("g", 2);
  expect(await stream.refusal()).toMatchObject({ code: "ERR_GROUP_FENCED" });
  stream.send({ ...CONSUME, id: 2, member: "one" });
  expect((await stream.next("granted")).head).toMatchObject({ position: 2 });
});

test.each([
  [{ settings: "v2" }, "ERR_GROUP_SETTINGS"],
  [{ action: "a" }, "ERR_GROUP_SETTINGS"],
  [{ laneKey: "tenant" }, "ERR_GROUP_SETTINGS"],
  [{ lanes: 3 }, "ERR_GROUP_SETTINGS"],
  [{ lane: 2 }, "ERR_GROUP_LANE"],
  [{ group: "none" }, "ERR_GROUP_NOT_FOUND"],
  [{ from: "end" }, "ERR_PARAMETER_INVALID"],
  [{ settings: "x".repeat(250), action: "file.*" }, "ERR_PARAMETER_INVALID"],
  [{ member: "x".repeat(129) }, "ERR_PARAMETER_INVALID"],
] as const)("%j is refused", async (other, code) => {
  const stream = await connect();
  stream.send({ ...CONSUME, member: "one", settings: "v1", lanes: 2 });
  await stream.next("granted");
  stream.send({ ...CONSUME, id: 2, member: "two", settings: "v1", ...other });
  expect(await stream.refusal()).toMatchObject({ id: 2, code });
});

test("a node that does not lead asks the leader, and passes on what that refuses", async () => {
  const follower = await start(service);
  // The service is one; what comes by the stream of the second server goes to the first one.
  let passedOn = 0;
  service.target = () => {
    passedOn++;
    return passedOn % 2 === 1
      ? { kind: "remote", node: "a", address: server.address }
      : { kind: "local" };
  };
  await append(5);
  const stream = await connect(follower);
  stream.send({ ...CONSUME, member: "one", lanes: 1, from: 2 });
  expect((await stream.next("granted")).head).toMatchObject({ position: 2 });
  const { head } = await stream.next("records");
  expect(head).toMatchObject({ from: 3, to: 5 });
  stream.send({ kind: "ack", id: 1, seq: 5 });
  expect((await stream.next("committed")).head).toMatchObject({ seq: 5 });
  await groups.reset("g", 0);
  expect(await stream.refusal()).toMatchObject({ id: 1, code: "ERR_GROUP_FENCED" });
});
