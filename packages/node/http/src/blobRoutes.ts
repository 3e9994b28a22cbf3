import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { BlobFiles } from "@annals/replica";
import { DOWNLOAD_CHUNKS } from "@annals/config";
import { hopped, leaderTarget } from "./leaderTarget.ts";
import { parseParameters } from "./parameters.ts";
import { announcedBytes } from "./blobLength.ts";
import { httpError } from "./problem.ts";
import { logParameter, pathParameter } from "./routePath.ts";
import type { Route, RouteContext } from "./route.ts";

const PATH = "/v1/logs/{log}/blobs/{sha256}";

/** Upload and download of attachments, both by streaming: no more than some chunks of a blob are in memory. */
export function blobRoutes(context: RouteContext): readonly Route[] {
  return [
    { method: "PUT", path: PATH, body: "stream", handle: uploadHandler(context) },
    { method: "GET", path: PATH, body: "none", handle: downloadHandler(context) },
  ];
}

function uploadHandler(context: RouteContext): Route["handle"] {
  return async (request, reply) => {
    parseParameters(request.url, []);
    const log = logParameter(request);
    const bytes = announcedBytes(request, context.maxBlobBytes);
    const target = await leaderTarget(context.service, log, hopped(request));
    if (target.kind === "local") {
      const blobs = await context.service.blobs(log);
      return save(blobs, pathParameter(request, "sha256"), bytes, request, reply);
    }
    return passOn(context, target.address, request, reply);
  };
}

function downloadHandler(context: RouteContext): Route["handle"] {
  return async (request, reply) => {
    parseParameters(request.url, []);
    const log = logParameter(request);
    const digest = pathParameter(request, "sha256");
    const blobs = await context.service.blobs(log);
    const found = await blobs.find(digest);
    if (found !== undefined) {
      context.answers.hold(DOWNLOAD_CHUNKS * context.blobChunkBytes, reply);
      return reply
        .type("application/octet-stream")
        .header("content-length", String(found.bytes))
        .header("etag", `"${digest}"`)
        .header("cache-control", "private, immutable, max-age=31536000")
        .header("content-disposition", "attachment")
        .header("x-content-type-options", "nosniff")
        .send(Readable.from(blobs.read(digest), { objectMode: false }));
    }
    const target = await context.service.forwardTarget(log);
    if (target.kind === "remote" && !hopped(request))
      return passOn(context, target.address, request, reply);
    throw httpError("ERR_BLOB_NOT_FOUND", `log "${log}" has no blob ${digest}`);
  };
}

async function save(
  blobs: BlobFiles,
  sha256: string,
  bytes: number,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  // What can be read is not yet saved for good: its name may wait for a flush, or the flush has failed.
  if ((await blobs.find(sha256)) !== undefined && blobs.has(sha256)) {
    // What is still on its way is read and dropped: the connection stays usable.
    request.raw.resume();
    return { sha256, bytes };
  }
  const sink = blobs.begin(sha256, bytes);
  try {
    for await (const chunk of request.raw) if (!sink.write(chunk)) await sink.ready();
  } catch (error) {
    await sink.abort();
    throw httpError("ERR_BLOB_NOT_SAVED", "the upload ended before all of the blob had come", {
      retryable: true,
      cause: error,
    });
  }
  await sink.finish();
  void reply.code(201);
  return { sha256, bytes };
}

async function passOn(
  context: RouteContext,
  address: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const answer = await context.forwarder.stream({
    address,
    method: request.method,
    path: request.url,
    headers: request.headers,
    body: request.method === "PUT" ? request.raw : undefined,
  });
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}
