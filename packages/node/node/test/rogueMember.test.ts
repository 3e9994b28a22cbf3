/**
 * Goal: whatever a member says, the others live, nothing bad reaches their disks, and the cluster takes appends afterwards. Method: three
 * real nodes, one of which is stopped and played by somebody who has its disk: every kind of message, by every way, wrong in every part.
 */
import { asIndex, asMemberId, asTerm, INDEX_MAX, TERM_MAX } from "@annals/raft";
import type { MemberId, Message } from "@annals/raft";
import { fsckNode } from "@annals/storage";
import { messageOf } from "@annals/kit";
import { encodeMessages, MESSAGE_PLACES } from "@annals/wire";
import type { Frame, LinkPurpose } from "@annals/wire";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RoguePeer, steal } from "./roguePeer.ts";
import type { StolenIdentity } from "./roguePeer.ts";
import { TestCluster } from "./testCluster.ts";

const SEGMENT_BYTES = 1 << 20;
const KINDS = Object.keys(MESSAGE_PLACES) as Message["kind"][];
const LEAP = 2 ** 33;
const FAR = 1_000_000;

let cluster: TestCluster;
const uncaught: unknown[] = [];
const take = (error: unknown): void => void uncaught.push(error);

beforeAll(async () => {
  process.on("uncaughtException", take);
  cluster = await TestCluster.start(SEGMENT_BYTES, "");
  await cluster.untilReady();
});

afterAll(async () => {
  await cluster.close();
  process.off("uncaughtException", take);
});

type Carrier = readonly [LinkPurpose, (logId: number, bytes: Uint8Array) => Frame];

const CARRIERS: readonly Carrier[] = [
  ["control", (logId, bytes) => ({ kind: "control", parcels: [{ logId, bytes }] })],
  ["data", (_logId, bytes) => ({ kind: "append", epoch: 1, bytes })],
  ["data", (_logId, bytes) => ({ kind: "response", epoch: 1, bytes })],
  ["repair", (_logId, bytes) => ({ kind: "append", epoch: 1, bytes })],
];

/** The message as it may be, and with each of its parts wrong. */
function oddities(kind: Message["kind"], from: MemberId, to: MemberId): readonly Message[] {
  const plain = messageOf(kind, from, to);
  const stranger = asMemberId(7);
  const far = { index: asIndex(FAR), term: asTerm(1), hash: new Uint8Array(32) };
  return [
    plain,
    { ...plain, from: to },
    { ...plain, from: stranger },
    { ...plain, to: from },
    { ...plain, to: stranger },
    { ...plain, term: asTerm(0) },
    { ...plain, term: asTerm(LEAP) },
    { ...plain, term: asTerm(TERM_MAX) },
    ...numbers(plain, FAR),
    ...numbers(plain, INDEX_MAX),
    ...[far].flatMap((committed) => ("committed" in plain ? [{ ...plain, committed }] : [])),
    ...entriesOf(plain),
  ];
}

/** Each number beside the envelope, and all of them, as large as that. */
function numbers(plain: Message, value: number): readonly Message[] {
  const names = Object.entries(plain)
    .filter(([name, old]) => typeof old === "number" && !["from", "to", "term"].includes(name))
    .map(([name]) => name);
  const all = Object.fromEntries(names.map((name) => [name, value]));
  return [...names.map((name) => ({ ...plain, [name]: value })), { ...plain, ...all }];
}

/** Entries that cannot be applied: no batch, no command, no membership; and such as would contradict what is committed. */
function entriesOf(plain: Message): readonly Message[] {
  if (plain.kind !== "appendEntries") return [];
  const kinds = ["records", "command", "membership"] as const;
  return [0, 1, FAR].flatMap((before) =>
    kinds.map((kind): Message => {
      const [index, term] = [asIndex(before + 1), asTerm(1)];
      const entries = [{ index, term, kind, data: Uint8Array.of(1, 2, 3) }];
      return { ...plain, prevLogIndex: asIndex(before), prevLogTerm: term, entries };
    }),
  );
}

async function sayAll(stolen: StolenIdentity, node: string): Promise<RoguePeer> {
  const rogue = new RoguePeer(stolen, cluster.url(node));
  const to = stolen.members.find((one) => one.node === node)?.member ?? asMemberId(0);
  for (const [purpose, frame] of CARRIERS)
    for (const kind of KINDS)
      for (const message of oddities(kind, stolen.member, to))
        await rogue.send(purpose, frame(stolen.logId, encodeMessages([message])));
  rogue.close();
  return rogue;
}

it("a member that says what no replica says harms nobody", { timeout: 120_000 }, async () => {
  await cluster.append(["before"]);
  await cluster.untilConverged();
  await cluster.stop("c");
  const stolen = await steal(cluster.config("c"));
  const rogues = await Promise.all(["a", "b"].map((node) => sayAll(stolen, node)));
  for (const { endings } of rogues) {
    expect(endings.get("ERR_PEER_MESSAGE")).toBeGreaterThan(0);
    expect(endings.get("ERR_FRAME_UNEXPECTED")).toBeGreaterThan(0);
  }
  await cluster.append(["during"]);
  await cluster.spawn("c");
  await cluster.append(["after"]);
  await cluster.untilConverged();
  for (const id of cluster.ids) {
    const { actions } = await cluster.read(id);
    expect(actions.filter((action) => action === "before")).toHaveLength(1);
    expect(actions).toContain("during");
    expect(actions).toContain("after");
  }
  expect(uncaught).toEqual([]);
  expect(cluster.lines.filter(({ level }) => level === 60)).toEqual([]);
  await cluster.stop(...cluster.ids);
  for (const id of cluster.ids) {
    const reports = await fsckNode(cluster.dataOf(id));
    expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
  }
});
