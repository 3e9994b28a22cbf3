import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { Random } from "@annals/kit";
import { jsonSamples, msgpackSamples, ndjsonSamples } from "../ingestSamples.ts";
import { mutate } from "../mutate.ts";
import type { Conversation } from "./conversation.ts";
import { cut, ENDINGS } from "./pieces.ts";

const METHODS = [
  "GET",
  "GET",
  "GET",
  "HEAD",
  "POST",
  "POST",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "TRACE",
  "CONNECT",
  "PROPFIND",
  "BREW",
];
const DIGEST = "9f".repeat(32);
const PATHS = [
  "/v1/logs/audit/records",
  "/v1/logs/audit/records?from=1&limit=1000&actor=%C3%A4lice&consistency=local",
  "/v1/logs/audit/records/1",
  "/v1/logs/audit/records/9007199254740993",
  "/v1/logs/_system/records",
  "/v1/logs/audit/producers/p",
  `/v1/logs/audit/blobs/${DIGEST}`,
  "/v1/logs/audit/groups",
  "/v1/logs/audit/groups/g/lanes",
  "/v1/logs/audit/transfer-leadership",
  "/v1/logs/audit/schemas",
  "/v1/logs",
  "/v1/cluster",
  "/v1/ingest/stats",
  "/healthz",
  "/readyz",
  "/metrics",
  "/openapi.json",
  "/v1/stream",
  "/v1/peer",
  "/",
  "*",
  "//x/../../etc/passwd",
  "/v1/logs/%00/records?limit=-1&from=NaN",
  `/v1/logs/${"a".repeat(5000)}/records`,
];
const HEADERS = [
  "Content-Type: application/json",
  "Content-Type: application/x-ndjson",
  "Content-Type: application/msgpack",
  "Content-Type: text/plain; charset=utf-16",
  "Content-Encoding: gzip",
  "Content-Encoding: zstd",
  "Content-Encoding: deflate, gzip",
  "Expect: 100-continue",
  "Expect: the-unexpected",
  "Connection: close",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Upgrade: h2c",
  "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
  "Sec-WebSocket-Version: 12",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: identity",
  "Accept: application/msgpack",
  "Accept: application/xml;q=0",
  "Accept-Encoding: br;q=0, *;q=0",
  "Range: bytes=0-0,5-",
  'If-None-Match: "x"',
  "Annals-Timeout: 1ms",
  "Annals-Timeout: -5s",
  "Idempotency-Key: p;epoch=1;sequence=1",
  "Annals-Producer: p;epoch=99999999999999999999;sequence=-1",
  "Origin: https://evil.example",
  "Forwarded: for=192.0.2.1",
  "Host: other.example",
  `Cookie: ${"c=".padEnd(9000, "x")}`,
];
const COMPRESS = [gzipSync, zstdCompressSync, deflateSync] as const;

/** One to three requests on one connection; most of them could come from a client that somebody has written. */
export function httpTalk(random: Random): Conversation {
  const requests = Array.from({ length: random.between(1, 3) }, () => request(random));
  let bytes: Uint8Array = Buffer.concat(requests);
  if (random.chance(0.1)) bytes = mutate(bytes, requests, random);
  return { door: "http", pieces: cut(bytes, random), ending: random.pick(ENDINGS) };
}

function request(random: Random): Buffer {
  const method = random.pick(METHODS);
  const version = random.chance(0.95) ? "1.1" : random.pick(["1.0", "2.0", "0.9"]);
  const lines = [`${method} ${random.pick(PATHS)} HTTP/${version}`];
  if (random.chance(0.97)) lines.push("Host: 127.0.0.1");
  for (let k = random.below(3); k > 0; k--) lines.push(random.pick(HEADERS));
  const content = method === "GET" || method === "HEAD" ? Buffer.alloc(0) : body(random);
  const framed = frame(content, lines, random);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), framed]);
}

function body(random: Random): Uint8Array {
  const samples = random.pick([jsonSamples, ndjsonSamples, msgpackSamples])(random);
  const plain = random.chance(0.5)
    ? random.pick(samples)
    : mutate(samples[0] ?? Buffer.of(), samples, random);
  return random.chance(0.2) ? random.pick(COMPRESS)(plain) : plain;
}

/** Says how long the body is, in one of the ways there are: right, wrong, twice, in chunks, or not at all. */
function frame(content: Uint8Array, lines: string[], random: Random): Uint8Array {
  switch (random.below(8)) {
    case 0:
      lines.push("Transfer-Encoding: chunked");
      return chunked(content, random);
    case 1:
      lines.push(
        `Content-Length: ${random.pick([content.length + 100, content.length - 1, "1e3", "-1", 2 ** 53])}`,
      );
      return content;
    case 2:
      lines.push("Transfer-Encoding: chunked", `Content-Length: ${content.length}`);
      return chunked(content, random);
    case 3:
      return content;
    default:
      if (content.length > 0) lines.push(`Content-Length: ${content.length}`);
      return content;
  }
}

function chunked(content: Uint8Array, random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length; ) {
    const part = content.subarray(at, at + random.between(1, 1000));
    parts.push(Buffer.from(`${part.length.toString(16)};x=y\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  if (random.chance(0.8)) parts.push(Buffer.from("0\r\nTrailer: x\r\n\r\n"));
  return Buffer.concat(parts);
}
