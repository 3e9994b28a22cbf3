import { connect } from "node:http2";
import { BenchError } from "@annals/load";
import { countFields, grpcBody, GrpcReader, watchRequest } from "./grpc.ts";

/** Field of a WatchResponse that holds its events. */
const EVENTS = 11;
const WINDOW_BYTES = 16 * 2 ** 20;

/** Watches a range of keys, from a revision on, until so many events have come; events are counted, not decoded. */
export async function watchEvents(
  address: string,
  range: { readonly from: string; readonly to: string; readonly fromRevision: number },
  wanted: number,
  signal: AbortSignal,
): Promise<void> {
  const session = connect(`http://${address}`, { settings: { initialWindowSize: WINDOW_BYTES } });
  session.once("connect", () => session.setLocalWindowSize(WINDOW_BYTES));
  const done = Promise.withResolvers<void>();
  const lost = (): void =>
    done.reject(new BenchError("ERR_BENCH_CONNECT", `${address} ended the watch`));
  const abort = (): void => done.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  session.on("error", lost).on("close", lost);
  const stream = session.request({
    ":method": "POST",
    ":path": "/etcdserverpb.Watch/Watch",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const reader = new GrpcReader();
  let events = 0;
  stream.on("data", (chunk: Buffer) => {
    for (const message of reader.read(chunk)) events += countFields(message, EVENTS);
    if (events >= wanted) done.resolve();
  });
  stream.on("error", lost).on("close", lost);
  stream.write(grpcBody(watchRequest(range.from, range.to, range.fromRevision)));
  try {
    signal.throwIfAborted();
    await done.promise;
  } finally {
    signal.removeEventListener("abort", abort);
    session.destroy();
  }
}
