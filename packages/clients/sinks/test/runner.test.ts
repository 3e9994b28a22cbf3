// Goal: whatever fails, every record is in the sink once and in order, or is a dead letter, and transactions never grow. Method: the runner
// over a log in memory and a database in memory with faults; time passes at once.
import { ClientError } from "@annals/client";
import { describe, expect, test, vi } from "vitest";
import { InjectedFault } from "../src/kit/faultySink.ts";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { runAll } from "../src/run/runAll.ts";
import type { Chunk } from "../src/sink.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";
import type { MemorySinkOptions, Row } from "./memorySink.ts";

function trial(count: number, options: MemorySinkOptions = {}, limits = {}) {
  const database = emptyDatabase();
  const made = new SinkTrial<Row>(
    () => new MemorySink(database, options),
    sampleRecords(count),
    limits,
  );
  const keys = (): readonly string[] => database.rows.map(({ key }) => key);
  return { database, trial: made, log: made.log, keys };
}

function seqs(from: number, to: number, without: readonly number[] = []): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, k) => from + k)
    .filter((seq) => !without.includes(seq))
    .map((seq) => `${seq}/0`);
}

test("700 mutations at most 50 at a time: all land in order, none more than 50 (S1)", async () => {
  const items = ({ seq }: { seq: number }): number => (seq <= 10 ? 70 : 0);
  const { trial: made, keys } = trial(300, { items }, { chunkSize: 50 });
  const status = await made.untilDone();
  expect(keys()).toEqual(
    Array.from({ length: 700 }, (_, k) => `${Math.floor(k / 70) + 1}/${k % 70}`),
  );
  expect(status.chunks.itemsMax).toBe(50);
  expect(status).toMatchObject({ applied: 300, residual: 0, lag: { records: 0 } });
});

test("50 failures under load: the next transaction is never larger, and only the remainder is written (S3, S4)", async () => {
  const { trial: made, log, keys } = trial(1_000, {}, { chunkSize: 20 });
  let applies = 0;
  let failures = 0;
  const chunks: Chunk<unknown>[] = [];
  const status = await made.untilDone({
    chunk: (chunk) => chunks.push(chunk),
    before: (call) => {
      if (call !== "apply" || ++applies % 2 === 0 || failures >= 50) return;
      failures++;
      log.records.push(...sampleRecords(20, log.records.length + 1));
      throw new InjectedFault("transient");
    },
  });
  expect(failures).toBe(50);
  expect(keys()).toEqual(seqs(1, 2_000));
  expect(Math.max(...chunks.map(({ mutations }) => mutations.length))).toBe(20);
  expect(status).toMatchObject({ failures: { transient: 50 }, deadLetters: 0, residual: 0 });
});

test("connections lost inside COMMIT: every record once (S6)", async () => {
  const { trial: made, keys } = trial(500, {}, { chunkSize: 10 });
  let applies = 0;
  const status = await made.untilDone({
    after: (call) => {
      if (call === "apply" && ++applies % 3 === 0) throw new InjectedFault("transient");
    },
  });
  expect(keys()).toEqual(seqs(1, 500));
  expect(status.ambiguousApplied).toBeGreaterThan(10);
  expect(status).toMatchObject({ applied: 500, residual: 0 });
});

describe("what cannot be written", () => {
  test("is found by bisection: a dead letter each, all others are written (S12, S13)", async () => {
    const poison = [17, 18, 333, 600];
    const { trial: made, log, keys } = trial(600, { poison: (seq) => poison.includes(seq) });
    const status = await made.untilDone();
    expect(keys()).toEqual(seqs(1, 600, poison));
    expect(log.letters).toMatchObject(
      poison.map((seq) => ({ seq, class: "data", message: "violates a constraint" })),
    );
    expect(status).toMatchObject({ applied: 596, deadLetters: 4, residual: 0 });
    // log2(200) and the record itself, for each of them.
    expect(status.failures.data).toBeLessThanOrEqual(4 * 9);
    // Each refusal belongs to one letter.
    const attempts = log.letters.map((letter) => letter.attempts);
    expect(attempts.reduce((sum, count) => sum + count, 0)).toBe(status.failures.data);
  });

  test("nor planned is a dead letter, too", async () => {
    const { trial: made, log, keys } = trial(30, { unplannable: (seq) => seq === 9 });
    await made.untilDone();
    expect(keys()).toEqual(seqs(1, 30, [9]));
    expect(log.letters).toMatchObject([{ seq: 9, message: "no plan for 9" }]);
  });

  test("and the letter is written before the cursor passes it, once, also if that fails", async () => {
    const { trial: made, log, database } = trial(20, { poison: (seq) => seq === 5 });
    let refusals = 0;
    const cursors = new Set<number>();
    log.onCall = (name) => {
      if (name === "write") cursors.add(database.cursor?.seq ?? 0);
      if (name === "write" && ++refusals < 4) throw new Error("no leader");
    };
    let passes = 0;
    await made.untilDone({
      chunk: ({ mutations, next }) => {
        if (mutations.length === 0 && next.seq === 5 && ++passes < 3)
          throw new InjectedFault("transient");
      },
    });
    expect([...cursors]).toEqual([4]);
    expect(log.letters.map(({ seq }) => seq)).toEqual([5]);
    expect(database.rows).toHaveLength(19);
  });

  test("stops the sink when it is more than exceptions", async () => {
    const { trial: made, log } = trial(60, { poison: (seq) => seq <= 60 }, { deadLettersMax: 10 });
    const status = await made.untilDone();
    expect(status).toMatchObject({ state: "failed", deadLetters: 10 });
    expect(status.lastError?.code).toBe("ERR_SINK_DEAD_LETTERS");
    expect(log.letters).toHaveLength(10);
  });
});

describe("a place that refuses every record", () => {
  const broken = { poison: () => true };

  test("stops the sink, and no record is a dead letter", async () => {
    const { trial: made, log, keys } = trial(60, broken);
    const status = await made.untilDone();
    expect(status).toMatchObject({ state: "failed", deadLetters: 0 });
    expect(status.lastError?.code).toBe("ERR_SINK_REFUSED");
    expect(status.lastError?.message).toMatch(
      /^sink trial \(memory\) refuses record 1, and others as well \(record 2, .*violates a constraint/,
    );
    expect(log.letters).toEqual([]);
    expect(keys()).toEqual([]);
  });

  test("and does so only from some record on, is found out by one that it has taken before", async () => {
    let isBroken = false;
    const { trial: made, log, keys } = trial(60, { poison: () => isBroken }, { chunkSize: 10 });
    let chunks = 0;
    const status = await made.untilDone({
      chunk: () => {
        if (++chunks === 4) isBroken = true;
      },
    });
    expect(status).toMatchObject({ state: "failed", applied: 20, deadLetters: 0 });
    expect(status.lastError?.message).toMatch(/record 20, which it has taken before/);
    expect(log.letters).toEqual([]);
    isBroken = false;
    await made.untilDone();
    expect(keys()).toEqual(seqs(1, 60));
  });

  test("or of which no record can be planned, stops the sink as well", async () => {
    const { trial: made, log } = trial(60, { unplannable: () => true });
    const status = await made.untilDone();
    expect(status.lastError?.code).toBe("ERR_SINK_REFUSED");
    expect(log.letters).toEqual([]);
  });

  test("for a while is waited for, when that comes out while another record is tried", async () => {
    const { trial: made, log, keys } = trial(60, { poison: (seq) => seq === 30 });
    let probes = 0;
    const status = await made.untilDone({
      before: (call) => {
        if (call === "probe" && ++probes < 10) throw new InjectedFault("transient");
      },
    });
    expect(status).toMatchObject({ state: "running", deadLetters: 1 });
    expect(log.letters.map(({ seq }) => seq)).toEqual([30]);
    expect(keys()).toEqual(seqs(1, 60, [30]));
  });
});

describe("failures", () => {
  test("an outage of any length is waited for, with nothing lost and no dead letter", async () => {
    const { trial: made, keys, log } = trial(100);
    let failures = 0;
    const states = new Set<string>();
    const runner = made.runner({
      before: () => {
        states.add(runner.status.state);
        if (failures++ < 300) throw new InjectedFault("transient", "connection refused");
      },
    });
    const status = await made.until(runner, () => log.position === 100);
    expect(keys()).toEqual(seqs(1, 100));
    expect(states).toContain("backing-off");
    expect(made.clock.now()).toBeGreaterThan(250 * 60_000);
    expect(status).toMatchObject({ state: "running", retries: 0, deadLetters: 0 });
    expect(made.notes.filter((note) => note.startsWith("backing off"))).toHaveLength(1);
  });

  test("of an unknown kind are tried five times, and never a dead letter", async () => {
    const { trial: made, log } = trial(10);
    const fault = new InjectedFault("unknown", "what?");
    const status = await made.untilDone({
      before: (call) => {
        if (call === "apply") throw fault;
      },
    });
    expect(status).toMatchObject({ state: "failed", failures: { unknown: 5 } });
    expect(status.lastError?.code).toBe("ERR_SINK_UNKNOWN_FAILURE");
    expect(log.letters).toEqual([]);
  });

  test("of the settings stop the sink at once and say what to do", async () => {
    const { trial: made } = trial(10);
    const status = await made.untilDone({
      before: () => {
        throw new InjectedFault("settings", "password authentication failed");
      },
    });
    expect(status).toMatchObject({ state: "failed", failures: { settings: 1 } });
    expect(status.lastError?.message).toMatch(/password authentication failed; mend it/);
  });

  test("for memory halve the transaction, down to one item (S15)", async () => {
    let memory = 3;
    const { trial: made, keys } = trial(100, { memory: () => memory });
    const sizes: number[] = [];
    const status = await made.untilDone({
      chunk: ({ mutations }) => {
        sizes.push(mutations.length);
        if (mutations.length === 3) memory = 1;
      },
    });
    expect(keys()).toEqual(seqs(1, 100));
    expect(sizes.slice(1, 8)).toEqual([100, 50, 25, 12, 6, 3, 1]);
    expect(status.deadLetters).toBe(0);
  });

  test("for memory are not met again and again: what was too large is remembered for a while", async () => {
    const { trial: made, keys } = trial(5_000, { memory: () => 50 });
    const sizes: number[] = [];
    const status = await made.untilDone({
      chunk: ({ mutations }) => sizes.push(mutations.length),
    });
    expect(keys()).toEqual(seqs(1, 5_000));
    // A few while it is found out, and none after that.
    expect(status.failures.tooLarge).toBeLessThanOrEqual(8);
    expect(sizes.slice(-50).filter((size) => size > 50)).toEqual([]);
    expect(sizes.slice(-50).filter((size) => size >= 45).length).toBeGreaterThan(40);
  });

  test("of the log are waited for as well", async () => {
    const { trial: made, log, keys } = trial(100);
    let calls = 0;
    log.onCall = () => {
      if (++calls % 3 === 0) throw new Error("unreachable");
    };
    await made.untilDone();
    expect(keys()).toEqual(seqs(1, 100));
  });
});

describe("the stored cursor", () => {
  test("of another history stops the sink: a hash that differs, or a record that the log does not have", async () => {
    const { trial: made, database, log } = trial(50);
    await made.untilDone();
    const rows = database.rows.length;
    log.records.splice(40, 10, ...sampleRecords(60, 41).map((one) => ({ ...one, action: "x" })));
    expect((await made.until(made.runner(), () => false)).lastError?.code).toBe("ERR_SINK_HISTORY");
    log.records.splice(20);
    expect((await made.until(made.runner(), () => false)).lastError?.code).toBe("ERR_SINK_HISTORY");
    expect(database.rows).toHaveLength(rows);
  });

  test("of another cluster, log or share of it stops the sink by both names", async () => {
    const { trial: made, database } = trial(5);
    await made.untilDone();
    const rows = [...database.rows];
    const other = new SinkTrial<Row>(
      () => new MemorySink(database),
      sampleRecords(9),
      {},
      "log audit of another trial",
    );
    const status = await other.untilDone();
    expect(status.lastError?.code).toBe("ERR_SINK_SCOPE");
    expect(status.lastError?.message).toMatch(/audit of a trial, .* those of log audit of another/);
    expect(database.rows).toEqual(rows);
  });

  test("of other settings stops the sink (D1)", async () => {
    const { trial: made, database } = trial(5);
    await made.untilDone();
    database.cursor &&= { ...database.cursor, settings: "other" };
    const status = await made.until(made.runner(), () => false);
    expect(status.lastError?.code).toBe("ERR_SINK_SETTINGS");
  });

  test("of a restored database is where the sink goes on, whatever the group says", async () => {
    const { trial: made, database, keys } = trial(50, {}, { chunkSize: 10 });
    const copies: { rows: readonly Row[]; cursor: typeof database.cursor }[] = [];
    await made.untilDone({
      after: () => copies.push({ rows: [...database.rows], cursor: database.cursor }),
    });
    const old = copies[3];
    Object.assign(database, { rows: [...(old?.rows ?? [])], cursor: old?.cursor });
    await made.until(made.runner(), () => database.cursor?.seq === 50);
    expect(keys()).toEqual(seqs(1, 50));
  });
});

test("a lane that is lost is acquired anew; the old owner writes nothing more", async () => {
  const { trial: made, log, keys, database } = trial(300, {}, { chunkSize: 10 });
  const owners = new Set<number>();
  let chunks = 0;
  await made.untilDone({
    chunk: () => {
      if (++chunks % 7 === 0) log.steal();
    },
    after: () => owners.add(database.cursor?.epoch ?? 0),
  });
  expect(keys()).toEqual(seqs(1, 300));
  expect(owners.size).toBeGreaterThan(1);
});

test("whoever stands by asks again when the log says that the lane may be free", async () => {
  const { trial: made, log, keys } = trial(10);
  const asked: number[] = [];
  log.onCall = (name) => {
    if (name !== "acquire") return;
    asked.push(made.clock.now());
    if (asked.length > 3) return;
    const retryAfterMs = asked.length === 3 ? undefined : 70;
    throw new ClientError("ERR_GROUP_HELD", "held", { retryable: true, retryAfterMs });
  };
  await made.untilDone();
  expect(asked.map((at) => at - (asked[0] ?? 0))).toEqual([0, 70, 140, 1_140]);
  expect(keys()).toEqual(seqs(1, 10));
});

test("whoever stands by does not ask less often for what went wrong before it was answered", async () => {
  const { trial: made, log } = trial(10);
  const asked: number[] = [];
  log.onCall = (name) => {
    if (name !== "acquire" || asked.length > 20) return;
    asked.push(made.clock.now());
    const [code, options] =
      asked.length % 2 === 1
        ? (["ERR_NO_LEADER", { retryable: true, status: 503 }] as const)
        : (["ERR_GROUP_HELD", { retryable: true, retryAfterMs: 1_000 }] as const);
    throw new ClientError(code, "as it was told to", options);
  };
  await made.untilDone();
  const rounds = asked.filter((_, k) => k % 2 === 0);
  const apart = rounds.slice(1).map((at, k) => at - (rounds[k] ?? 0));
  expect(new Set(apart).size).toBe(1);
});

test("a lane that is lost again and again while nothing is written is no fight for the database", async () => {
  const { trial: made, log, keys } = trial(10);
  let lost = 0;
  log.onCall = (name) => {
    if (name === "read" && ++lost <= 12) throw new ClientError("ERR_GROUP_FENCED", "not held");
  };
  const status = await made.untilDone();
  expect(status.state).toBe("running");
  expect(keys()).toEqual(seqs(1, 10));
});

test("a database that somebody else moves again and again stops the sink", async () => {
  const { trial: made, database } = trial(10);
  const status = await made.until(
    made.runner({
      chunk: ({ mutations }) => {
        if (mutations.length > 0) database.cursor &&= { ...database.cursor, epoch: 0 };
      },
    }),
    () => false,
  );
  expect(status).toMatchObject({ state: "failed", lastError: { code: "ERR_SINK_CONTESTED" } });
});

test("two runners on one database: whoever comes later shuts the other out", async () => {
  const { trial: made, keys, log } = trial(400, {}, { chunkSize: 10 });
  const rival = made.runner();
  const abort = new AbortController();
  let rivalRun: Promise<void> | undefined;
  let chunks = 0;
  await made.untilDone({
    chunk: () => {
      if (++chunks === 5) rivalRun = rival.run(abort.signal).catch(() => undefined);
    },
  });
  expect(log.position).toBe(400);
  abort.abort();
  await rivalRun;
  expect(keys()).toEqual(seqs(1, 400));
});

describe("a pause", () => {
  const soon = (): AbortSignal => AbortSignal.timeout(60_000);

  test("holds when it is answered, also while the log is idle or the next try is waited for", async () => {
    const { trial: made, database, keys, log } = trial(100, {}, { chunkSize: 10 });
    const runner = made.runner();
    const abort = new AbortController();
    const run = runner.run(abort.signal);
    await vi.waitUntil(() => runner.status.position?.seq === 100);
    await runner.pause(soon());
    expect(runner.status.state).toBe("paused");
    log.records.push(...sampleRecords(10, 101));
    await runner.pause(soon());
    expect(database.rows).toHaveLength(100);
    await runner.resume(soon());
    expect(runner.status.state).not.toBe("paused");
    await vi.waitUntil(() => runner.status.position?.seq === 110);
    expect(keys()).toEqual(seqs(1, 110));
    abort.abort();
    await run;
  });

  test("is answered only when the transaction that was under way has ended, and nothing is written after it", async () => {
    const { trial: made, database } = trial(100, {}, { chunkSize: 10 });
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const sink = new MemorySink(database);
    const apply = sink.apply.bind(sink);
    let chunks = 0;
    sink.apply = async (chunk) => {
      await apply(chunk);
      if (++chunks !== 3) return;
      begun.resolve();
      await end.promise;
    };
    const slow = new SinkTrial<Row>(() => sink, made.log.records, { chunkSize: 10 });
    const runner = slow.runner();
    const abort = new AbortController();
    const run = runner.run(abort.signal);
    await begun.promise;
    let isAnswered = false;
    const pause = runner.pause(soon()).then(() => {
      isAnswered = true;
    });
    await expect(runner.pause(AbortSignal.abort())).rejects.toMatchObject({
      code: "ERR_SINK_BUSY",
    });
    expect(isAnswered).toBe(false);
    end.resolve();
    await pause;
    expect(database.rows).toHaveLength(20);
    abort.abort();
    await run;
    expect(database.rows).toHaveLength(20);
  });

  test("packs nothing again: each record is planned once, however often the sink is paused", async () => {
    const database = emptyDatabase();
    const planned = new Map<number, number>();
    const sink = new MemorySink(database);
    const plan = sink.plan.bind(sink);
    sink.plan = (record) => {
      planned.set(record.seq, (planned.get(record.seq) ?? 0) + 1);
      return plan(record);
    };
    const made = new SinkTrial<Row>(() => sink, sampleRecords(100), { chunkSize: 10 });
    const runner = made.runner({
      after: (call) => {
        if (call === "apply") pauses.push(runner.pause(soon()).then(() => runner.resume(soon())));
      },
    });
    const pauses: Promise<void>[] = [];
    await made.until(runner, () => made.log.position === 100);
    await Promise.all(pauses);
    expect(pauses.length).toBeGreaterThan(10);
    expect([...planned.values()]).toEqual(Array.from({ length: 100 }, () => 1));
    expect(database.rows).toHaveLength(100);
  });

  test("fails what was asked for and not begun, instead of letting it wait", async () => {
    const { trial: made } = trial(10);
    const runner = made.runner();
    const abort = new AbortController();
    const run = runner.run(abort.signal);
    await vi.waitUntil(() => runner.status.position?.seq === 10);
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const first = runner.withSink(() => {
      begun.resolve();
      return end.promise;
    });
    await begun.promise;
    const second = runner.withSink(async () => "done").catch((error: unknown) => error);
    const pause = runner.pause(soon());
    expect(await second).toMatchObject({ code: "ERR_SINK_NOT_RUNNING" });
    end.resolve();
    await first;
    await pause;
    expect(runner.status.state).toBe("paused");
    abort.abort();
    await run;
  });

  test("of a sink that has failed is refused with what it failed with; resumed it begins again", async () => {
    let isBroken = true;
    const { trial: made, keys } = trial(20, { poison: () => isBroken });
    const runner = made.runner();
    const other = trial(5).trial.runner();
    const abort = new AbortController();
    const run = runAll([runner, other], abort.signal);
    await vi.waitUntil(() => runner.status.state === "failed");
    await expect(runner.pause(soon())).rejects.toThrow(/trial is failed: .*violates a constraint/);
    await expect(runner.resume(soon())).rejects.toThrow(/trial is failed: .*violates a constraint/);
    isBroken = false;
    await runner.resume(soon());
    await vi.waitUntil(() => runner.status.position?.seq === 20);
    expect(keys()).toEqual(seqs(1, 20));
    abort.abort();
    await run;
  });
});

test("runners end when all of them have failed, with what the first one failed with", async () => {
  const runners = [trial(5, { poison: () => true }), trial(5, { unplannable: () => true })].map(
    ({ trial: made }) => made.runner(),
  );
  await expect(runAll(runners, new AbortController().signal)).rejects.toThrow(/refuses record 1/);
});

test("whoever stands by says who has the lane and how far that one is behind", async () => {
  const { trial: made, log } = trial(50);
  await log.acquire();
  log.position = 20;
  const runner = made.runner();
  const status = await made.until(runner, () => runner.status.holder !== null);
  expect(status).toMatchObject({ state: "standby", holder: "somebody", lag: { records: 30 } });
});
