import { MovableBody } from "@annals/channel";
import { SMALL_BODY_BYTES_MAX, UPLOAD_CHUNKS } from "@annals/config";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { IngestDesk } from "./ingest/ingestDesk.ts";
import { assertNoEncoding, parseAppendHead } from "./appendRequest.ts";
import type { AppendHead } from "./appendRequest.ts";
import type { AdmittedAppend, AppendService } from "./appendService.ts";
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
  readonly appends: AppendService;
  readonly desk: IngestDesk;
  /** Of the bodies of appends. */
  readonly body: BodyLimits;
  /** Largest blob: `replication.blob.maxBytes`. */
  readonly maxBlobBytes: number;
  /** What an upload holds in memory: `replication.blob.chunkBytes`. */
  readonly blobChunkBytes: number;
}

/** An append whose body may come in. */
export interface Admitted {
  readonly append: AdmittedAppend;
  readonly encoding: AppendHead["encoding"];
  readonly maxBytes: number;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set once the request is an append that was let in. */
    admitted: Admitted | undefined;
  }
}

/** Refuses by the head what can be refused by it, and takes the room for the body before a byte of it is read. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** The append that a request was admitted for: its head is judged, its body has room. */
  of({ admitted }: FastifyRequest): Admitted {
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
    const { encoding, ...head } = parseAppendHead(request.headers);
    const maxBytes = this.#maxBytes(request);
    const announced = Number(request.headers["content-length"] ?? Number.NaN);
    if (announced > maxBytes) throw bodyTooLarge(maxBytes);
    // Counted in full before a byte of it is read; one of unknown length, and a compressed one, as it grows: a small body that does not
    // say its length must not take the room of the largest.
    const bytes = Number.isNaN(announced) ? 0 : announced;
    const append = this.#options.appends.admit(
      { ...head, log: logParameter(request), passedOn: hopped(request) },
      encoding === undefined ? bytes : 0,
    );
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", () => append.close());
    request.admitted = { append, encoding, maxBytes };
  }

  /** What another node passes on was decoded there. */
  #maxBytes(request: FastifyRequest): number {
    const { body } = this.#options;
    return hopped(request) ? Math.max(body.maxBytes, body.maxDecodedBytes) : body.maxBytes;
  }

  async receive(request: FastifyRequest): Promise<MovableBody> {
    const { encoding, maxBytes, append } = this.of(request);
    const { body, desk } = this.#options;
    const { room } = append;
    const whole = await receiveBody(
      request.raw,
      encoding,
      { ...body, maxBytes },
      {
        onBegin: (cut) =>
          room.receives({ bytesRead: () => request.raw.socket.bytesRead }, (idleMs) =>
            cut(stoodStill(idleMs)),
          ),
        onGrow: (bytes) => room.growTo(bytes),
        onDecoded: (what, bytesIn, bytesOut) => {
          // What decoded it has gone.
          room.shrinkTo(bytesOut);
          desk.decoded(what, bytesIn, bytesOut);
        },
      },
    );
    // Its buffer grew by steps, and is cut to its size now.
    room.shrinkTo(whole.byteLength);
    return MovableBody.own(whole);
  }
}
