import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import {
  API_VERSIONS,
  FrameReader,
  framed,
  int16,
  int32,
  requestHead,
  SASL_APIS,
  SASL_AUTHENTICATE,
  SASL_HANDSHAKE,
  text,
  withApis,
} from "./frames.ts";
import type { SpokenApi } from "./frames.ts";
import { GROUP_APIS } from "./groupCoordinator.ts";
import type { GroupCoordinator } from "./groupCoordinator.ts";
import { ScramServer } from "./scramServer.ts";

export type GateMechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

export interface BrokerGateOptions {
  /** Where the broker listens, on 127.0.0.1. */
  readonly brokerPort: number;
  /** PEM; plain TCP if absent. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Who may come in, and how; everybody if absent. */
  readonly sasl?: {
    readonly mechanism: GateMechanism;
    readonly user: string;
    readonly password: string;
  };
  /** Coordinates the groups of consumers instead of the broker. */
  readonly groups?: GroupCoordinator;
}

const UNSUPPORTED_MECHANISM = 33;
const AUTHENTICATION_FAILED = 58;
const HOST = "127.0.0.1";

/**
 * Stands before a Kafka broker that knows neither TLS nor SASL and speaks both for it: until a client has said who it is, nothing passes.
 * Addresses in what the broker answers become the gate's, so that nobody gets past it.
 */
export class BrokerGate {
  readonly #options: BrokerGateOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Clients that were let in. */
  admitted = 0;

  private constructor(options: BrokerGateOptions) {
    this.#options = options;
    const join = (socket: Socket): void => this.#join(socket);
    this.#server =
      options.tls === undefined ? createServer(join) : createTlsServer({ ...options.tls }, join);
    this.#server.on("tlsClientError", () => undefined);
  }

  static async open(options: BrokerGateOptions): Promise<BrokerGate> {
    const gate = new BrokerGate(options);
    await new Promise<void>((resolve, reject) => {
      gate.#server.once("error", reject).listen(0, HOST, resolve);
    });
    return gate;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(socket: Socket): void {
    const broker = connect(this.#options.brokerPort, HOST);
    for (const [one, other] of [
      [socket, broker],
      [broker, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.once("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    const visit = new Visit(this.#options, () => this.admitted++);
    const [requests, answers] = [new FrameReader(), new FrameReader()];
    socket.on("data", (bytes: Buffer) => {
      for (const frame of requests.push(bytes)) {
        const coordinated = this.#options.groups?.take(frame, (answer) => {
          if (!socket.destroyed) socket.write(framed(answer));
        });
        if (coordinated === true) continue;
        const what = visit.request(frame);
        if (what === "refused") socket.destroy();
        else if (what === "passed") broker.write(framed(frame));
        else socket.write(framed(what));
      }
    });
    broker.on("data", (bytes: Buffer) => {
      for (const frame of answers.push(bytes)) socket.write(framed(visit.answer(frame, this.port)));
    });
  }
}

/** One connection: what it may do yet. */
class Visit {
  readonly #options: BrokerGateOptions;
  readonly #onAdmitted: () => void;
  readonly #versionsAsked = new Set<number>();
  #scram: ScramServer | undefined;
  #isAdmitted: boolean;

  constructor(options: BrokerGateOptions, onAdmitted: () => void) {
    this.#options = options;
    this.#onAdmitted = onAdmitted;
    this.#isAdmitted = options.sasl === undefined;
  }

  /** Passed on to the broker, refused, or answered here. */
  request(frame: Buffer): Buffer | "passed" | "refused" {
    const { api, correlation, body } = requestHead(frame);
    const { sasl } = this.#options;
    if (api === API_VERSIONS) this.#versionsAsked.add(correlation);
    if (api === API_VERSIONS || this.#isAdmitted || sasl === undefined) return "passed";
    if (api === SASL_HANDSHAKE) {
      const asked = body.subarray(2).toString("utf8");
      const error = asked === sasl.mechanism ? 0 : UNSUPPORTED_MECHANISM;
      return Buffer.concat([int32(correlation), int16(error), int32(1), text(sasl.mechanism)]);
    }
    if (api !== SASL_AUTHENTICATE) return "refused";
    const reply = this.#authenticate(body.subarray(4).toString("utf8"));
    const said = Buffer.from(reply ?? "");
    const outcome =
      reply === undefined
        ? Buffer.concat([int16(AUTHENTICATION_FAILED), text("who are you?")])
        : Buffer.concat([int16(0), int16(-1)]);
    return Buffer.concat([int32(correlation), outcome, int32(said.length), said]);
  }

  /** What the broker says, as the client is to see it. */
  answer(frame: Buffer, port: number): Buffer {
    const correlation = frame.readInt32BE(0);
    const isVersions = this.#versionsAsked.delete(correlation);
    const shown = isVersions ? withApis(frame, this.#apis()) : frame;
    const broker = Buffer.concat([text(HOST), int32(this.#options.brokerPort)]);
    const ours = Buffer.concat([text(HOST), int32(port)]);
    const changed = Buffer.from(shown);
    for (let at = changed.indexOf(broker); at >= 0; at = changed.indexOf(broker, at + 1))
      ours.copy(changed, at);
    return changed;
  }

  #apis(): readonly SpokenApi[] {
    const { sasl, groups } = this.#options;
    return [...(sasl === undefined ? [] : SASL_APIS), ...(groups === undefined ? [] : GROUP_APIS)];
  }

  /** Undefined: it is not who it says. */
  #authenticate(message: string): string | undefined {
    const { sasl } = this.#options;
    if (sasl === undefined) return undefined;
    const { mechanism, user, password } = sasl;
    if (mechanism === "PLAIN") {
      if (message.split("\0").slice(1).join("\0") !== `${user}\0${password}`) return undefined;
      this.#admit();
      return "";
    }
    const hash = mechanism === "SCRAM-SHA-256" ? "sha256" : "sha512";
    this.#scram ??= new ScramServer(hash, user, password);
    const answer = this.#scram.answer(message);
    if (answer?.isDone === true) this.#admit();
    return answer?.reply;
  }

  #admit(): void {
    this.#isAdmitted = true;
    this.#onAdmitted();
  }
}
