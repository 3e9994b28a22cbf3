// Goal: a history becomes records once each, in order, however often and wherever the import is interrupted. Method: real repositories,
// the real HTTP API over a log in memory, interruptions at every request.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnalsError } from "@annals/record";
import { AnnalsClient } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { importGit } from "../../src/git/importGit.ts";
import type { ImportOptions, ImportResult } from "../../src/git/importGit.ts";
import { cli } from "../harness.ts";
import { TestRepository } from "./repository.ts";

let server: TestServer;
let client: AnnalsClient;
let directory: string;
let repository: TestRepository;

beforeEach(async () => {
  server = await startTestServer();
  client = new AnnalsClient({ urls: [server.url], retryForMs: 0 });
  directory = mkdtempSync(join(tmpdir(), "annals-git-"));
  repository = new TestRepository(join(directory, "project"));
});
afterEach(async () => {
  client.close();
  await server.close();
  rmSync(directory, { recursive: true });
});

function runImport(options: Partial<ImportOptions> = {}): Promise<ImportResult> {
  return importGit(client, {
    repository: repository.path,
    log: "audit",
    batch: 2,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...options,
  });
}

async function stored(): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const record of client.records("audit")) records.push(record);
  return records;
}

async function summary(): Promise<string[]> {
  return (await stored()).map(({ action, targets }) => `${action} ${targets?.[0]?.id}`);
}

/** A history with everything in it: renames, deletions, a merge with a conflict, an empty commit. */
function history(): void {
  repository.write("a.txt", "one\ntwo\nthree\n");
  repository.write("b/c.txt", "c\n");
  repository.commit("begin");
  repository.git("checkout", "-q", "-b", "side");
  repository.write("a.txt", "one side\ntwo\nthree\n");
  repository.write("side.txt", "side\n");
  repository.commit("side work");
  repository.git("checkout", "-q", "main");
  repository.write("a.txt", "one main\ntwo\nthree\n");
  repository.commit("main work");
  try {
    repository.git("merge", "-q", "side");
  } catch {
    repository.write("a.txt", "one both\ntwo\nthree\n");
  }
  repository.commit("merge side");
  repository.commit("nothing at all");
  repository.git("mv", "b/c.txt", "d.txt");
  repository.remove("side.txt");
  repository.commit("tidy up");
}

const ALL = [
  "file.added a.txt",
  "file.added b/c.txt",
  "file.modified a.txt",
  "file.modified a.txt",
  "file.added side.txt",
  "file.modified a.txt",
  "file.merged side.txt",
  "commit.empty undefined",
  "file.renamed d.txt",
  "file.deleted side.txt",
];

describe("import git", () => {
  test("since a date leaves out what the branch had then, though a part of it is merged later", async () => {
    history();
    const times = repository.git("log", "--first-parent", "--reverse", "--format=%ct").split("\n");
    // Before the merge; the work on the side was done before that.
    const moment = new Date(Number(times[1]) * 1000).toISOString();
    expect(await runImport({ since: moment })).toMatchObject({ isUnbroken: true });
    expect(await summary()).toEqual(ALL.slice(3));
  });

  test.each(["2023-01-01", "2023-11-14 00:00:00 +0000"])(
    "since %s, when there was nothing yet, everything is imported",
    async (since) => {
      history();
      expect(await runImport({ since })).toMatchObject({ records: ALL.length });
    },
  );

  test("since a day that is over nothing is imported", async () => {
    history();
    expect(await runImport({ since: "2023-11-16" })).toMatchObject({ records: 0 });
  });

  test("a date that is also the name of a tag is refused, and what is no day", async () => {
    history();
    repository.git("tag", "2023-11-14");
    await expect(runImport({ since: "2023-11-14" })).rejects.toMatchObject({
      code: "ERR_IMPORT_AMBIGUOUS",
    });
    await expect(runImport({ since: "2023-02-30" })).rejects.toMatchObject({ code: "ERR_USAGE" });
    const since = "refs/tags/2023-11-14";
    expect(await runImport({ since })).toMatchObject({ records: 0 });
  });

  test("gives one record per changed file of every commit, parents first", async () => {
    history();
    const result = await runImport();
    expect(result).toMatchObject({
      repository: "project",
      commits: 6,
      records: 10,
      firstSeq: 1,
      lastSeq: 10,
    });
    const records = await stored();
    const names = records.map(({ action, targets }) => `${action} ${targets?.[0]?.id}`);
    expect(names.toSorted()).toEqual(ALL.toSorted());
    const position = new Map(records.map(({ context, seq }) => [context?.["commit"], seq]));
    for (const { context, seq } of records) {
      for (const parent of (context?.["parents"] ?? []) as string[]) {
        expect(position.get(parent) ?? 0).toBeLessThan(seq);
      }
    }
  });

  test("a record says who, when, what and between which blobs", async () => {
    repository.write("x.txt", "old\n");
    repository.commit("first");
    const before = repository.git("rev-parse", "HEAD:x.txt");
    repository.git("mv", "x.txt", "y.txt");
    const head = repository.commit("a rename: of a file");
    await runImport();
    expect((await stored())[1]).toMatchObject({
      actor: { type: "user", id: "ada@example.org", name: "Ada" },
      action: "file.renamed",
      time: "2023-11-14T22:15:20.000Z",
      targets: [
        { type: "file", id: "y.txt" },
        { type: "file", id: "x.txt" },
      ],
      context: {
        source: "git",
        repository: "project",
        commit: head,
        subject: "a rename: of a file",
        mainLine: true,
        head,
      },
      changes: [
        { path: "blob", before, after: before },
        { path: "mode", before: "100644", after: "100644" },
        { path: "path", before: "x.txt", after: "y.txt" },
      ],
    });
  });

  test("what is in the files of the main line follows from its changes, merges and renames included", async () => {
    history();
    repository.git("checkout", "-q", "-b", "feature");
    repository.write("run.sh", "#!/bin/sh\n");
    repository.commit("a script");
    repository.git("update-index", "--chmod=+x", "run.sh");
    repository.commit("it runs");
    repository.git("checkout", "-q", "main");
    repository.git("merge", "-q", "--no-ff", "-m", "merge feature", "feature");
    await runImport();
    const files = new Map<string, Record<string, string>>();
    const trees = new Map<string, string[]>();
    for (const { changes, context, targets } of await stored()) {
      for (const { path, before, after } of changes ?? []) {
        const id = targets?.[0]?.id ?? "";
        if (path === "path") files.delete(String(before));
        else files.set(id, { ...files.get(id), [path]: String(after) });
      }
      for (const [id, { blob }] of files) if (blob === "null") files.delete(id);
      const lines = [...files].map(([id, { blob, mode }]) => `${mode} ${blob}\t${id}`);
      if (context?.["mainLine"] === true) trees.set(String(context["commit"]), lines.toSorted());
    }
    const mainLine = repository.git("rev-list", "--first-parent", "HEAD").split("\n");
    expect([...trees.keys()].toSorted()).toEqual(mainLine.toSorted());
    for (const commit of mainLine) {
      const format = "--format=%(objectmode) %(objectname)%x09%(path)";
      const listed = repository.git("ls-tree", "-r", format, commit).split("\n");
      expect(trees.get(commit)).toEqual(listed.toSorted());
    }
  });

  test("ends where it is told to and begins behind what it is told", async () => {
    history();
    const [second] = repository.git("rev-list", "--topo-order", "--reverse", "HEAD").split("\n");
    const result = await runImport({ revision: "HEAD~1", since: second ?? "" });
    expect(result).toMatchObject({ commits: 4, isUnbroken: true });
    expect((await summary()).slice(-2)).toEqual(["file.merged side.txt", "commit.empty undefined"]);
    await expect(runImport({ since: "HEAD~2" })).rejects.toMatchObject({
      code: "ERR_IMPORT_BEGUN",
    });
    expect(await runImport()).toMatchObject({ commits: 1, records: 2 });
    await expect(runImport({ revision: "nobody" })).rejects.toMatchObject({
      code: "ERR_GIT_NO_COMMITS",
    });
  });

  test("a second run imports nothing, later ones only what is new", async () => {
    history();
    await runImport();
    expect(await runImport()).toMatchObject({ records: 0, firstSeq: undefined });
    repository.write("new.txt", "new\n");
    repository.commit("later");
    repository.commit("empty");
    expect(await runImport()).toMatchObject({ records: 2, commits: 2, firstSeq: 11 });
    expect(await runImport()).toMatchObject({ records: 0 });
    repository.write("newer.txt", "newer\n");
    repository.commit("later still");
    expect(await runImport({ batch: 7 })).toMatchObject({ records: 1, firstSeq: 13 });
  });

  test.each([1, 2, 3, 4, 5])(
    "goes on exactly after an interruption before request %i",
    async (cut) => {
      history();
      server.service.beforeAppend = (_log, { producer }) => {
        if ((producer?.sequence ?? 0) >= cut)
          throw new AnnalsError("ERR_DISK_FULL", "full", { retryable: true });
      };
      await expect(runImport()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
      expect(await stored()).toHaveLength(2 * (cut - 1));
      server.service.beforeAppend = () => undefined;
      // Another size asked for: the one it began with is kept, or requests on their way would not be recognised.
      await runImport({ batch: 5 });
      expect((await summary()).toSorted()).toEqual(ALL.toSorted());
      expect((await runImport()).records).toBe(0);
    },
  );

  test("a lost answer leads to no duplicate", async () => {
    history();
    let failed = false;
    const answer = server.service.append.bind(server.service);
    server.service.append = async (log, request) => {
      const reply = await answer(log, request);
      if (failed || request.producer?.sequence !== 2) return reply;
      failed = true;
      throw new AnnalsError("ERR_STORAGE_FAILED", "stored, and nobody was told");
    };
    await expect(runImport()).rejects.toMatchObject({ code: "ERR_STORAGE_FAILED" });
    await runImport();
    expect((await summary()).toSorted()).toEqual(ALL.toSorted());
  });

  test("finishes the old head before it begins the new one", async () => {
    history();
    server.service.beforeAppend = (_log, { producer }) => {
      if (producer?.sequence === 2) throw new AnnalsError("ERR_DISK_FULL", "full");
    };
    await expect(runImport()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    server.service.beforeAppend = () => undefined;
    repository.write("new.txt", "new\n");
    const head = repository.commit("new head");
    await runImport();
    const records = await stored();
    expect(records).toHaveLength(11);
    expect(records.at(-1)).toMatchObject({
      context: { head, base: records[0]?.context?.["head"] },
    });
    expect(new Set(records.slice(0, 10).map(({ context }) => context?.["head"])).size).toBe(1);
  });

  test("another import at work is noticed", async () => {
    history();
    const producer = `git-${repository.git("rev-list", "--first-parent", "--max-parents=0", "HEAD").slice(0, 12)}`;
    let intruded = false;
    server.service.beforeAppend = async (log, request) => {
      if (intruded || request.producer?.sequence !== 1) return;
      intruded = true;
      const body = new TextEncoder().encode('{"actor":{"id":"x"},"action":"a"}');
      await server.service.append(log, {
        ...request,
        body,
        producer: { id: producer, epoch: 1, sequence: 1 },
      });
    };
    await expect(runImport()).rejects.toMatchObject({ code: "ERR_IMPORT_CONCURRENT" });
  });

  test("a history that goes on from elsewhere is imported, also when the old end is gone", async () => {
    history();
    const gone = await runImport();
    repository.git("checkout", "-q", "-b", "other", "HEAD~1");
    repository.write("other.txt", "other\n");
    repository.commit("other");
    expect(await runImport()).toMatchObject({ records: 1, isUnbroken: false });
    expect((await summary()).at(-1)).toBe("file.added other.txt");
    expect((await stored()).at(-1)).toMatchObject({
      context: { mainLine: false },
      data: { changes: [{ path: "blob", before: null }, { path: "mode" }] },
    });
    repository.git("branch", "-q", "-D", "main");
    repository.git("reflog", "expire", "--expire=now", "--all");
    repository.git("gc", "-q", "--prune=now");
    expect(() => repository.git("cat-file", "-e", gone.head)).toThrow("Command failed");
    expect(await runImport()).toMatchObject({ records: 0 });
  });

  test("going back to a branch that was imported before doubles nothing", async () => {
    history();
    await runImport();
    repository.git("checkout", "-q", "-b", "other", "HEAD~1");
    repository.write("other.txt", "other\n");
    repository.commit("other");
    await runImport();
    repository.git("checkout", "-q", "main");
    expect(await runImport()).toMatchObject({ records: 0 });
    repository.write("new.txt", "new\n");
    repository.commit("on main again");
    expect(await runImport()).toMatchObject({ records: 1 });
    repository.git("checkout", "-q", "other");
    repository.git("merge", "-q", "-m", "all of it", "main");
    repository.write("newer.txt", "newer\n");
    repository.commit("on both");
    expect(await runImport()).toMatchObject({ records: 2 });
    const changes = (await stored()).map(({ context, targets }) =>
      JSON.stringify([context?.["commit"], targets]),
    );
    expect(new Set(changes).size).toBe(changes.length);
  });

  test("paths that are no UTF-8 and strange names survive", async () => {
    const odd = Buffer.concat([Buffer.from(`${repository.path}/caf`), Buffer.from([0xe9])]);
    writeFileSync(odd, "x");
    repository.write('tab\t"quote" ünï.txt', "y");
    repository.git("config", "user.name", "ignored");
    repository.commit(":100644 subject that looks like a change");
    await runImport();
    const records = await stored();
    expect(records.map(({ targets }) => targets?.[0]?.id)).toEqual([
      "caf\uFFFD",
      'tab\t"quote" ünï.txt',
    ]);
    expect(records[0]?.data).toEqual({
      pathBase64: Buffer.from([0x63, 0x61, 0x66, 0xe9]).toString("base64"),
    });
  });

  test("the command reports, and says what is wrong with a path", async () => {
    history();
    const argv = ["import", "git", repository.path, "--url", server.url];
    const out = await cli(argv);
    expect(out).toMatchObject({ code: 0 });
    expect(out.stdout).toMatch(
      /^project: 10 records of 6 commits into audit, seq 1 to 10, in .* records\/s\)$/m,
    );
    expect((await cli(argv)).stdout).toContain("nothing new");
    const nowhere = await cli(["import", "git", join(directory, "nowhere"), "--url", server.url]);
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toContain("ERR_GIT_NO_REPOSITORY");
    const empty = new TestRepository(join(directory, "empty"));
    expect((await cli(["import", "git", empty.path, "--url", server.url])).stderr).toContain(
      "ERR_GIT_NO_COMMITS",
    );
  });

  test("whatever the user's settings of git, the records are the same", async () => {
    history();
    await runImport();
    const before = (await stored()).map(({ changes, targets, action }) => ({
      changes,
      targets,
      action,
    }));
    appendFileSync(
      join(repository.path, ".git/config"),
      "[diff]\n renames = false\n noprefix = true\n[log]\n showRoot = false\n diffMerges = off\n[core]\n quotePath = true\n abbrev = 7\n[color]\n ui = always\n",
    );
    await client.createLog("again");
    await runImport({ log: "again" });
    const after: unknown[] = [];
    for await (const { changes, targets, action } of client.records("again"))
      after.push({ changes, targets, action });
    expect(after).toEqual(before);
  });
});
