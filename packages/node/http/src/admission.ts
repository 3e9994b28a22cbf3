import { MovableBody } from "@annals/channel";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { IngestDesk, Ticket } from "./ingest/ingestDesk.ts";
import { SMALL_BODY_BYTES_MAX, UPLOAD_CHUNKS } from "@annals/config";
import { assertNoEncoding, parseAppendHead } from "./appendRequest.ts";
import type { AppendHead } from "./appendRequest.ts";
import { announcedBytes } from "./blobLength.ts";
import { hopped } from "./leaderTarget.ts";
import { bodyTooLarge, receiveBody } from "./receiveBody.ts";
import type { BodyLimits } from "./receiveBody.ts";
import { logParameter } from "./routePath.ts";
import { assertSameOrigin } from "./sameOrigin.ts";
import { cutWhenIdle, cutWhenLate, stoodStill } from "./uploadPace.ts";

/** `records`: up to `ingest.maxBodyBytes` of records; `small`: a small JSON object; `stream`: left to the handler. */
export type RouteBody = "none" | "small" | "records" | "stream";

export interface AdmissionOptions {
  readonly desk: IngestDesk;
  /** Of the bodies of appends. */
  readonly body: BodyLimits;
  /** Largest blob: `replication.blob.maxBytes`. */
  readonly maxBlobBytes: number;
  /** What an upload holds in memory: `replication.blob.chunkBytes`. */
  readonly blobChunkBytes: number;
}

/** What is known of an append whose body may come in. */
export interface Admitted extends AppendHead {
  readonly ticket: Ticket;
  readonly maxBytes: number;
}

/** Refuses by the head what can be refused by it, and takes the room for the body before a byte of it is read. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #admitted = new WeakMap<FastifyRequest, Admitted>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  admitted(request: FastifyRequest): boolean {
    return this.#admitted.has(request);
  }

  /** The head of an append was judged, and there is room for its body. */
  of(request: FastifyRequest): Admitted {
    const admitted = this.#admitted.get(request);
    if (admitted === undefined) throw new Error("a body came in that was not admitted");
    return admitted;
  }

  admit(
    { body }: { readonly body: RouteBody },
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    if (body === "none") return;
    assertSameOrigin(request.headers.origin, request.headers.host);
    const { desk } = this.#options;
    if (body === "records") {
      this.#admitAppend(request, reply);
      return;
    }
    assertNoEncoding(request.headers);
    if (body === "small") {
      if (Number(request.headers["content-length"]) > SMALL_BODY_BYTES_MAX)
        throw bodyTooLarge(SMALL_BODY_BYTES_MAX);
      cutWhenLate(request.raw, this.#options.body.timeoutMs);
      return;
    }
    announcedBytes(request, this.#options.maxBlobBytes);
    cutWhenIdle(request.raw);
    const { raw } = request;
    const incoming = { bytesRead: () => raw.socket.bytesRead, isHeldUp: () => raw.isPaused() };
    const bytes = UPLOAD_CHUNKS * this.#options.blobChunkBytes;
    reply.raw.once(
      "close",
      desk.reserveUpload(bytes, incoming, () => raw.destroy()),
    );
  }

  #admitAppend(request: FastifyRequest, reply: FastifyReply): void {
    const head = parseAppendHead(request.headers);
    const maxBytes = this.#maxBytes(request);
    const announced = Number(request.headers["content-length"] ?? Number.NaN);
    if (announced > maxBytes) throw bodyTooLarge(maxBytes);
    // Counted in full before a byte of it is read; one of unknown length, and a compressed one, as it grows: a small body that does not
    // say its length must not take the room of the largest.
    const bytes = Number.isNaN(announced) ? 0 : announced;
    const ticket = this.#options.desk.admit(
      logParameter(request),
      head.encoding === undefined ? bytes : 0,
    );
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", () => ticket.close());
    this.#admitted.set(request, { ...head, ticket, maxBytes });
  }

  /** What another node passes on was decoded there. */
  #maxBytes(request: FastifyRequest): number {
    const { body } = this.#options;
    return hopped(request) ? Math.max(body.maxBytes, body.maxDecodedBytes) : body.maxBytes;
  }

  async receive(request: FastifyRequest): Promise<MovableBody> {
    const { encoding, maxBytes, ticket } = this.of(request);
    const { body, desk } = this.#options;
    const whole = await receiveBody(
      request.raw,
      encoding,
      { ...body, maxBytes },
      {
        onBegin: (cut) =>
          ticket.receives({ bytesRead: () => request.raw.socket.bytesRead }, (idleMs) =>
            cut(stoodStill(idleMs)),
          ),
        onGrow: (bytes) => ticket.growTo(bytes),
        onDecoded: (what, bytesIn, bytesOut) => {
          // What decoded it has gone.
          ticket.shrinkTo(bytesOut);
          desk.decoded(what, bytesIn, bytesOut);
        },
      },
    );
    // Its buffer grew by steps, and is cut to its size now.
    ticket.shrinkTo(whole.byteLength);
    return MovableBody.own(whole);
  }
}
