import { connect } from "node:net";
import type { Socket } from "node:net";
import { CONNECTION_LOST } from "@annals/load";
import type { Carrier, OnSettled, Outcome } from "@annals/load";
import { RespReader } from "./respReader.ts";
import type { RespValue } from "./respReader.ts";

/** A command as Redis reads it. */
export function respCommand(...words: readonly (string | Uint8Array)[]): Buffer {
  const parts = words.map((word) => Buffer.from(word));
  return Buffer.concat([
    Buffer.from(`*${parts.length}\r\n`),
    ...parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from("\r\n")]),
  ]);
}

/** One connection on which replies are read in order. */
export class RedisConnection {
  readonly #socket: Socket;
  readonly #waiting: ((value: RespValue | undefined) => void)[] = [];
  readonly #reader = new RespReader();

  constructor(address: string) {
    const [host = "", port = ""] = address.split(":");
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk) => {
      for (const value of this.#reader.read(chunk)) this.#waiting.shift()?.(value);
    });
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", () => {
      for (const settle of this.#waiting.splice(0)) settle(undefined);
    });
  }

  /** Sends what has `replies` replies; gives the last one, or undefined when the connection ended first. */
  ask(bytes: Uint8Array, replies: number, then: (value: RespValue | undefined) => void): void {
    for (let k = 1; k < replies; k++) this.#waiting.push(() => undefined);
    this.#waiting.push(then);
    this.#socket.write(bytes);
  }

  reply(bytes: Uint8Array): Promise<RespValue | undefined> {
    return new Promise((resolve) => this.ask(bytes, 1, resolve));
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A connection for each slot: WAIT holds up whatever comes behind it on the same one. A request is a pipeline of XADDs and one WAIT. */
export class RedisCarrier implements Carrier {
  readonly slots: number;
  readonly #address: string;
  readonly #request: Buffer;
  readonly #records: number;
  #connections: readonly RedisConnection[] = [];
  #onSettled: OnSettled = () => undefined;

  constructor(address: string, slots: number, records: number, record: Uint8Array) {
    this.slots = slots;
    this.#address = address;
    this.#records = records;
    const add = respCommand("XADD", "audit", "*", "r", record);
    this.#request = Buffer.concat([
      ...Array.from({ length: records }, () => add),
      respCommand("WAIT", "1", "0"),
    ]);
  }

  async open(onSettled: OnSettled): Promise<void> {
    this.#onSettled = onSettled;
    this.#connections = Array.from(
      { length: this.slots },
      () => new RedisConnection(this.#address),
    );
    const ping = respCommand("PING");
    await Promise.all(this.#connections.map((connection) => connection.reply(ping)));
  }

  send(slot: number): void {
    const count = this.#records;
    this.#connections[slot]?.ask(this.#request, count + 1, (replicas) =>
      this.#onSettled(slot, outcomeOf(replicas, count)),
    );
  }

  close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    return Promise.resolve();
  }
}

function outcomeOf(replicas: RespValue | undefined, count: number): Outcome {
  if (replicas === undefined) return CONNECTION_LOST;
  return typeof replicas === "number" && replicas >= 1
    ? { kind: "accepted", firstSeq: 0, count }
    : { kind: "unknown", code: "no replica has it" };
}
