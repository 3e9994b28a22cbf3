import { BenchError } from "../benchError.ts";
import { buildBodies, recordsOfSize } from "./bodies.ts";
import type { BodyCompression, BodyFormat } from "./bodies.ts";
import { HttpCarrier } from "./httpCarrier.ts";
import type { Carrier } from "./carrier.ts";
import { SDK_SLOTS_MAX, SdkCarrier } from "./sdkCarrier.ts";
import { STREAM_SLOTS_MAX, StreamCarrier } from "./streamCarrier.ts";

/** `stream`: pipelined over WebSockets. `http`: a kept connection for each request in flight. `sdk`: the writer of the SDK. */
export const TRANSPORTS = ["stream", "http", "sdk"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** What the clients of a measurement do. */
export interface LoadShape {
  readonly transport: Transport;
  readonly recordsPerRequest: number;
  readonly inFlight: number;
  /** Default: as few as take what is in flight. */
  readonly connections?: number | undefined;
  readonly format: BodyFormat;
  readonly compression: BodyCompression;
  /** Bytes of a record as it is sent; `sample` goes before. */
  readonly recordBytes: number;
  /** Makes the n-th record, as JSON. */
  readonly sample?: ((serial: number) => string) | undefined;
}

export const STANDARD_SHAPE: LoadShape = {
  transport: "stream",
  recordsPerRequest: 1,
  inFlight: 64,
  format: "msgpack",
  compression: "none",
  recordBytes: 256,
};

/** What a stream may have unanswered, of bodies, with the standard `ingest.maxBodyBytes`. */
const STREAM_BYTES_MAX = 8 * 2 ** 20;

export interface BuiltLoad {
  readonly carriers: readonly Carrier[];
  /** Of a body as it is sent. */
  readonly bodyBytes: number;
}

/** Throws ERR_BENCH_OPTIONS when the parts of a shape do not go together; what only a node can say comes when one is connected. */
export function assertShape({ transport, inFlight, compression, connections }: LoadShape): void {
  if (transport !== "http" && compression !== "none")
    throw wrong("only HTTP carries compressed bodies: --transport http");
  if (transport === "sdk" && inFlight > SDK_SLOTS_MAX)
    throw wrong(`the SDK has at most ${SDK_SLOTS_MAX} requests in flight: --in-flight 16`);
  if (connections === undefined) return;
  if (transport !== "stream")
    throw wrong("--connections is for streams; HTTP has one for each request in flight");
  if (connections > inFlight)
    throw wrong(`${connections} connections for ${inFlight} requests in flight: some would idle`);
  if (Math.ceil(inFlight / connections) > STREAM_SLOTS_MAX)
    throw wrong(
      `${inFlight} requests on ${connections} streams, at most ${STREAM_SLOTS_MAX} on each: --connections`,
    );
}

/** Connections to the node that comes first in `addresses`; the others are for when it is gone. Throws ERR_BENCH_OPTIONS. */
export function buildLoad(shape: LoadShape, log: string, addresses: readonly string[]): BuiltLoad {
  assertShape(shape);
  const { transport, recordsPerRequest, inFlight, format, compression } = shape;
  const record = shape.sample ?? recordsOfSize(shape.recordBytes, format);
  if (transport === "sdk")
    return {
      carriers: [new SdkCarrier({ addresses, log, slots: inFlight, recordsPerRequest, record })],
      bodyBytes: record(0).length * recordsPerRequest,
    };
  const bodies = buildBodies({ recordsPerRequest, format, compression, record });
  const bodyBytes = Math.max(...bodies.map((body) => body.length));
  if (transport === "http") {
    const options = { addresses, log, slots: inFlight, format, compression, bodies };
    return { carriers: [new HttpCarrier(options)], bodyBytes };
  }
  const connections = shape.connections ?? connectionsFor(inFlight, bodyBytes);
  const carriers = shares(inFlight, connections).map(
    (slots) => new StreamCarrier({ addresses, log, slots, format, bodies }),
  );
  return { carriers, bodyBytes };
}

function connectionsFor(inFlight: number, bodyBytes: number): number {
  const perStream = Math.min(
    STREAM_SLOTS_MAX,
    Math.max(1, Math.floor(STREAM_BYTES_MAX / bodyBytes)),
  );
  return Math.ceil(inFlight / perStream);
}

/** `total` in so many parts, as even as can be. */
function shares(total: number, parts: number): readonly number[] {
  return Array.from(
    { length: parts },
    (_, k) => Math.floor(total / parts) + (k < total % parts ? 1 : 0),
  );
}

function wrong(what: string): BenchError {
  return new BenchError("ERR_BENCH_OPTIONS", what);
}
