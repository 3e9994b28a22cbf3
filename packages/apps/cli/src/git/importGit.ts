import { basename } from "node:path";
import type {
  AnnalsClient,
  AppendReply,
  AuditRecord,
  EncodedRecords,
  OrderedProducer,
} from "@annals/client";
import { CliError } from "../program/cliError.ts";
import { changeRecord, positionOf } from "./changeRecord.ts";
import { gitText } from "./gitProcess.ts";
import { mainLineGoesOnFrom, readHistory } from "./history.ts";
import { commitOfSince } from "./since.ts";
import { rangeOf, stretchesAfter } from "./stretch.ts";
import type { Stretch } from "./stretch.ts";

export interface ImportOptions {
  readonly repository: string;
  readonly log: string;
  /** Up to which commit; default HEAD. */
  readonly revision?: string;
  /** A revision or a date: only what it does not contain; for the first import of a repository into a log. */
  readonly since?: string;
  /** Records in one request; an import that goes on keeps the size that it began with. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ImportProgress) => void;
}

interface ImportProgress {
  readonly commitsDone: number;
  readonly commitsTotal: number;
  /** Records that were acknowledged in this run. */
  readonly records: number;
}

export interface ImportResult {
  readonly repository: string;
  readonly head: string;
  readonly producer: string;
  readonly commits: number;
  readonly records: number;
  /** Undefined when there was nothing to import. */
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  /** False if the main line was left since the first import, so that the log does not say any more what is in its files. */
  readonly isUnbroken: boolean;
}

/** Requests on their way at a time. */
const WINDOW = 4;
/** Bytes of one request, well below what servers take by default. */
const REQUEST_BYTES_MAX = 1 << 20;

/**
 * Appends one record per changed file of every commit, parents first, and one for a commit that changes none. Resumable without state of
 * its own: the log's producer table says which request came last, and the last record says where in history it was. For a fixed head the
 * records, their order and their division into requests are always the same, so a request that is sent again by a later run is recognised
 * by its number.
 */
export async function importGit(
  client: AnnalsClient,
  options: ImportOptions,
): Promise<ImportResult> {
  return new GitImport(client, options).run();
}

class GitImport {
  readonly #client: AnnalsClient;
  readonly #options: ImportOptions;
  #name = "";
  #producerId = "";
  #batch: number;
  #producer: OrderedProducer | undefined;
  #first = true;
  /** Settles when every request so far is answered. Never rejects; what went wrong is in `#fault`. */
  #answers: Promise<void> = Promise.resolve();
  #fault: unknown;
  #commitsDone = 0;
  #commitsTotal = 0;
  #records = 0;
  #firstSeq: number | undefined;
  #lastSeq: number | undefined;
  #isUnbroken = true;

  constructor(client: AnnalsClient, options: ImportOptions) {
    this.#client = client;
    this.#options = options;
    this.#batch = options.batch;
  }

  async run(): Promise<ImportResult> {
    const { signal } = this.#options;
    const head = await this.#commitId(this.#options.revision ?? "HEAD");
    const top = await this.#git(["rev-parse", "--path-format=absolute", "--git-common-dir"]);
    this.#name = basename(top.replace(/\/\.git$/, "")).replace(/\.git$/, "");
    // The first commit of the main line: it stays the same whatever is merged later.
    const roots = await this.#git(["rev-list", "--first-parent", "--max-parents=0", head]);
    this.#producerId = `git-${(roots.split("\n").at(-1) ?? head).slice(0, 12)}`;
    const stretches = await this.#plan(head);
    for (const stretch of stretches) {
      const commits = await this.#git(["rev-list", "--count", ...rangeOf(stretch)]);
      this.#commitsTotal += Number(commits) - (stretch.after?.commit ?? 0);
    }
    try {
      for (const stretch of stretches) {
        await this.#importStretch(stretch);
        await this.#settle();
      }
    } finally {
      // What is on its way is answered before anybody is told how it went.
      await this.#answers;
    }
    signal.throwIfAborted();
    return {
      repository: this.#name,
      head,
      producer: this.#producerId,
      commits: this.#commitsDone,
      records: this.#records,
      firstSeq: this.#firstSeq,
      lastSeq: this.#lastSeq,
      isUnbroken: this.#isUnbroken,
    };
  }

  #commitId(revision: string): Promise<string> {
    return this.#git(["rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`]);
  }

  #git(args: readonly string[]): Promise<string> {
    return gitText(this.#options.repository, args, this.#options.signal);
  }

  /** Asks the log how far earlier runs got: first the rest of their stretch, then what is new since. */
  async #plan(head: string): Promise<readonly Stretch[]> {
    const { log, since, signal } = this.#options;
    const known = await this.#client.producer(log, this.#producerId, { signal });
    this.#producer = this.#client.orderedProducer(log, {
      id: this.#producerId,
      // The epoch stays: requests that an interrupted run still has on their way are the same as ours, number by number.
      epoch: known?.epoch ?? (await this.#client.nextEpoch(log, this.#producerId, { signal })),
      nextSequence: (known?.sequence ?? 0) + 1,
      window: WINDOW,
      signal,
    });
    if (known === undefined) {
      const base =
        since === undefined
          ? undefined
          : await commitOfSince(since, head, (args) => this.#git(args));
      return [await this.#checked({ head, base, others: [], isUnbroken: true, after: undefined })];
    }
    if (since !== undefined) {
      throw new CliError("ERR_IMPORT_BEGUN", `${log} has an import of this repository already`, {
        hint: "leave out --since: it goes on where the log ends",
      });
    }
    const last = positionOf(await this.#client.get(log, known.lastSeq, { signal }));
    if (last === undefined) {
      throw new CliError(
        "ERR_IMPORT_FOREIGN",
        `record ${known.lastSeq} of producer ${this.#producerId} was not made by an import`,
        { hint: "somebody else uses this producer id; import into another log (--log)" },
      );
    }
    this.#batch = last.batch;
    this.#isUnbroken = last.isUnbroken;
    const stretches = await stretchesAfter(last, head, (args) => this.#git(args));
    return Promise.all(stretches.map((stretch) => this.#checked(stretch)));
  }

  /** A stretch that has begun stays what it is. */
  async #checked(stretch: Stretch): Promise<Stretch> {
    const { base, after } = stretch;
    if (after !== undefined || !stretch.isUnbroken) return stretch;
    const { repository, signal } = this.#options;
    const isUnbroken = await mainLineGoesOnFrom(base, repository, rangeOf(stretch), signal);
    return { ...stretch, isUnbroken };
  }

  async #importStretch(stretch: Stretch): Promise<void> {
    const { repository, signal } = this.#options;
    const { after: _, ...place } = stretch;
    const request = new RequestLines(this.#batch, (lines) => this.#send(lines));
    let commitNumber = 0;
    const history = readHistory(repository, rangeOf(stretch), stretch.isUnbroken, signal);
    for await (const commit of history) {
      commitNumber++;
      const skip = this.#skip(stretch, commitNumber, commit.id);
      if (skip === "all") continue;
      const changes = commit.changes.length === 0 ? [undefined] : commit.changes;
      for (const [index, change] of changes.entries()) {
        if (index < skip) continue;
        const at = { commit: commitNumber, file: index + 1, files: changes.length };
        await request.push((last) =>
          changeRecord(this.#name, commit, change, { ...place, ...at, batch: this.#batch, last }),
        );
      }
      if (skip === 0) this.#commitsDone++;
      this.#report();
    }
    await request.end();
    this.#isUnbroken = stretch.isUnbroken;
  }

  /** How many records of a commit earlier runs have imported. */
  #skip(stretch: Stretch, commitNumber: number, commitId: string): number | "all" {
    const { after } = stretch;
    if (after === undefined || commitNumber > after.commit) return 0;
    if (commitNumber < after.commit) return "all";
    if (commitId === after.commitId) return after.file;
    throw new CliError(
      "ERR_IMPORT_DIVERGED",
      `commit ${commitNumber} of the history is ${commitId}; the import so far had ${after.commitId} there`,
      {
        hint: "the history was rewritten (graft, shallow clone?): import into another log (--log)",
      },
    );
  }

  async #send(lines: readonly string[]): Promise<void> {
    const producer = this.#producer;
    if (producer === undefined) return;
    await producer.ready();
    if (this.#fault !== undefined) throw this.#fault;
    const body: EncodedRecords = {
      contentType: "application/x-ndjson",
      bytes: new TextEncoder().encode(lines.join("")),
    };
    const acknowledged = producer.append(body).then((reply) => this.#acknowledged(reply, lines));
    const heard = acknowledged.catch((error: unknown) => {
      this.#fault ??= error;
    });
    // Not a plain chain: one that fails early must not hide that others are still on their way.
    this.#answers = Promise.all([this.#answers, heard]).then(() => undefined);
    // The first request shows whether another run is at work; nothing follows it before that is known.
    if (this.#first) await this.#settle();
    this.#first = false;
  }

  /** Waits for every answer; throws what went wrong first. */
  async #settle(): Promise<void> {
    await this.#answers;
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #acknowledged(reply: AppendReply, lines: readonly string[]): Promise<void> {
    if (reply.duplicate) await this.#assertSame(reply, lines);
    this.#records += reply.count;
    this.#firstSeq = Math.min(this.#firstSeq ?? reply.firstSeq, reply.firstSeq);
    this.#lastSeq = Math.max(this.#lastSeq ?? 0, reply.lastSeq);
    this.#report();
  }

  /** A duplicate is our own request sent twice, or that of another run: the same records, unless that run was another import. */
  async #assertSame(reply: AppendReply, lines: readonly string[]): Promise<void> {
    const { log, signal } = this.#options;
    const stored = positionOf(await this.#client.get(log, reply.lastSeq, { signal }));
    const ours = positionOf(JSON.parse(lines.at(-1) ?? "{}"));
    if (reply.count === lines.length && JSON.stringify(stored) === JSON.stringify(ours)) return;
    throw new CliError("ERR_IMPORT_CONCURRENT", "another import of this repository is at work", {
      hint: "wait for it, then run the command again: it goes on exactly where the log ends",
    });
  }

  #report(): void {
    this.#options.onProgress({
      commitsDone: this.#commitsDone,
      commitsTotal: this.#commitsTotal,
      records: this.#records,
    });
  }
}

/**
 * Divides records into requests. A record is written only when the next one comes, since the last one of all says that it is the last: so
 * a later run knows that nothing is left without walking through the history again.
 */
class RequestLines {
  readonly #batch: number;
  readonly #send: (lines: readonly string[]) => Promise<void>;
  #lines: string[] = [];
  #bytes = 0;
  #held: ((last: boolean) => AuditRecord) | undefined;

  constructor(batch: number, send: (lines: readonly string[]) => Promise<void>) {
    this.#batch = batch;
    this.#send = send;
  }

  async push(record: (last: boolean) => AuditRecord): Promise<void> {
    const before = this.#held;
    this.#held = record;
    if (before !== undefined) await this.#add(before(false));
  }

  async end(): Promise<void> {
    if (this.#held !== undefined) await this.#add(this.#held(true));
    this.#held = undefined;
    if (this.#lines.length > 0) await this.#flush();
  }

  async #add(record: AuditRecord): Promise<void> {
    const line = `${JSON.stringify(record)}\n`;
    const bytes = Buffer.byteLength(line);
    const full = this.#lines.length >= this.#batch || this.#bytes + bytes > REQUEST_BYTES_MAX;
    if (full && this.#lines.length > 0) await this.#flush();
    this.#lines.push(line);
    this.#bytes += bytes;
  }

  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    await this.#send(lines);
  }
}
