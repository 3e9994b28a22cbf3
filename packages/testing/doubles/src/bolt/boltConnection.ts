import type { Socket } from "node:net";
import type {
  BoltEngine,
  BoltEngineTransaction,
  BoltParameters,
  BoltResult,
} from "./boltEngine.ts";
import { BoltFailure } from "./boltEngine.ts";
import type { BoltFaults } from "./boltFaults.ts";
import {
  BoltReader,
  boltMessage,
  FAILURE,
  IGNORED,
  RECORD,
  REQUESTS,
  SUCCESS,
} from "./boltMessages.ts";
import { TimedTransaction } from "./timedTransaction.ts";
import type { PackStructure, PackValue } from "./packStream.ts";

export interface BoltConnectionOptions {
  readonly engine: BoltEngine;
  readonly faults: BoltFaults;
  readonly id: string;
  readonly isAllowed: (user: unknown, password: unknown) => boolean;
  readonly addresses: () => { readonly here: string; readonly leader: string };
  readonly onRequest: (kind: string) => void;
}

type Metadata = Readonly<Record<string, PackValue>>;

/** A result of which some rows are still to be pulled. */
interface OpenResult {
  readonly result: BoltResult;
  at: number;
}

/** One client. Requests are served one after the other; after a failure all are ignored until `RESET`. */
export class BoltConnection {
  readonly #socket: Socket;
  readonly #options: BoltConnectionOptions;
  readonly #reader = new BoltReader();
  #greeted = false;
  #busy = false;
  #failed = false;
  #transaction: BoltEngineTransaction | undefined;
  #open: OpenResult | undefined;

  constructor(socket: Socket, options: BoltConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  start(): void {
    this.#socket.setNoDelay(true);
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("data", (bytes: Buffer) => {
      this.#reader.push(bytes);
      void this.#serve();
    });
    this.#socket.once("close", () => {
      if (!this.#busy) void this.#endTransaction();
    });
  }

  /** Nothing more is read while a request is served. */
  async #serve(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#socket.pause();
    try {
      this.#greet();
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        await this.#answer(next);
      }
    } catch {
      // What is no Bolt, and faults that end the connection.
      this.#socket.destroy();
    } finally {
      this.#busy = false;
      this.#socket.resume();
      if (this.#socket.destroyed) await this.#endTransaction();
    }
  }

  #greet(): void {
    if (this.#greeted) return;
    const answer = this.#reader.handshake();
    if (answer === undefined) return;
    this.#greeted = true;
    this.#socket.write(answer);
  }

  #next(): PackStructure | undefined {
    return this.#greeted && !this.#socket.destroyed ? this.#reader.message() : undefined;
  }

  async #answer({ tag, fields }: PackStructure): Promise<void> {
    const kind = REQUESTS[tag];
    if (kind === undefined) throw new Error(`unknown request 0x${tag.toString(16)}`);
    this.#options.onRequest(kind);
    if (this.#failed && kind !== "RESET" && kind !== "GOODBYE") {
      this.#socket.write(boltMessage(IGNORED));
      return;
    }
    const fault = this.#options.faults.take(kind);
    if (fault?.kind === "lostBefore") throw new Error("lost");
    if (fault?.kind === "hold") await fault.until;
    try {
      if (fault?.kind === "failure") throw new BoltFailure(fault.code, "as it was told to");
      const reply = await this.#handle(kind, fields);
      if (fault?.kind === "lostAfter") throw new Error("lost");
      if (fault?.kind === "cutChunk") {
        const cut = reply.subarray(0, Math.ceil(reply.length / 2));
        await new Promise((resolve) => this.#socket.write(cut, resolve));
        throw new Error("cut");
      }
      this.#socket.write(reply);
    } catch (error) {
      if (!(error instanceof BoltFailure)) throw error;
      this.#failed = true;
      await this.#endTransaction();
      this.#socket.write(boltMessage(FAILURE, { code: error.code, message: error.message }));
    }
  }

  async #handle(kind: string, fields: readonly PackValue[]): Promise<Buffer> {
    switch (kind) {
      case "HELLO":
        return success({ server: "Neo4j/5.19.0", connection_id: this.#options.id, hints: {} });
      case "LOGON":
        return this.#logOn(asMap(fields[0]));
      case "BEGIN":
        this.#begin(asMap(fields[0]));
        return success({});
      case "RUN":
        return this.#run(fields[0], asMap(fields[1]));
      case "PULL":
        return this.#pull(asMap(fields[0]), true);
      case "DISCARD":
        return this.#pull(asMap(fields[0]), false);
      case "COMMIT":
        return this.#commit();
      case "ROLLBACK":
        await this.#endTransaction();
        return success({});
      case "RESET":
        await this.#endTransaction();
        this.#failed = false;
        return success({});
      case "ROUTE":
        return this.#route();
      case "GOODBYE":
        this.#socket.end();
        return Buffer.alloc(0);
      default:
        return success({});
    }
  }

  #begin({ tx_timeout: timeout }: Metadata): void {
    const transaction = this.#options.engine.begin();
    const timeoutMs = Number(timeout ?? 0);
    this.#transaction = timeoutMs > 0 ? new TimedTransaction(transaction, timeoutMs) : transaction;
  }

  #logOn({ principal, credentials }: Metadata): Buffer {
    if (this.#options.isAllowed(principal, credentials)) return success({});
    throw new BoltFailure("Neo.ClientError.Security.Unauthorized", "wrong user or password");
  }

  async #run(cypher: PackValue | undefined, parameters: BoltParameters): Promise<Buffer> {
    if (typeof cypher !== "string") throw new Error("a statement that is no text");
    const runner = this.#transaction ?? this.#options.engine;
    const result = await runner.run(cypher, parameters);
    this.#open = { result, at: 0 };
    return success({ fields: result.fields, t_first: 0, qid: 0 });
  }

  #pull({ n }: Metadata, isWanted: boolean): Buffer {
    const open = this.#open;
    if (open === undefined) throw new BoltFailure("Neo.ClientError.Request.Invalid", "no result");
    const { rows, summary } = open.result;
    const count = typeof n === "number" && n >= 0 ? n : rows.length;
    const taken = rows.slice(open.at, open.at + count);
    open.at += count;
    const records = isWanted ? taken.map((row) => boltMessage(RECORD, row)) : [];
    if (open.at < rows.length) return Buffer.concat([...records, success({ has_more: true })]);
    this.#open = undefined;
    const end = success({ type: "rw", t_last: 0, db: "neo4j", ...summary });
    return Buffer.concat([...records, end]);
  }

  async #commit(): Promise<Buffer> {
    const transaction = this.#transaction;
    if (transaction === undefined) {
      throw new BoltFailure("Neo.ClientError.Request.Invalid", "no transaction");
    }
    await transaction.commit();
    this.#transaction = undefined;
    return success({ bookmark: `${this.#options.id}:1` });
  }

  #route(): Buffer {
    const { here, leader } = this.#options.addresses();
    const servers = [
      { role: "ROUTE", addresses: [here] },
      { role: "READ", addresses: [here] },
      { role: "WRITE", addresses: [leader] },
    ];
    return success({ rt: { ttl: 300, db: "neo4j", servers } });
  }

  async #endTransaction(): Promise<void> {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    this.#open = undefined;
    await transaction?.rollback();
  }
}

function success(metadata: Metadata): Buffer {
  return boltMessage(SUCCESS, metadata);
}

function asMap(value: PackValue | undefined): Metadata {
  const isMap =
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array);
  return isMap ? (value as Metadata) : {};
}
