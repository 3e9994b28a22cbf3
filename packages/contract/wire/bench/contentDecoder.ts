/**
 * What a compressed body costs while it is decoded, in a process of its own for each row: `pnpm exec node
 * --conditions=annals-source packages/contract/wire/bench/contentDecoder.ts`. Prints one JSON line a row: peak of the resident set over what it was
 * before the call, and that as a multiple of the decoded size, beside Node's one-shot calls and what the decoder said that it would hold.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  constants,
  gzipSync,
  deflateSync,
  gunzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { isSmoke } from "@annals/kit";
import { decodeContent } from "../src/contentDecoder.ts";
import type { ContentEncoding } from "../src/contentLimits.ts";

type Compress = (bytes: Uint8Array) => Buffer;

/** Of zstd, as a program that has all of it compresses, as one does that writes a stream, and with the widest window that is taken. */
const KINDS: Readonly<
  Record<string, { readonly encoding: ContentEncoding; readonly compress: Compress }>
> = {
  gzip: { encoding: "gzip", compress: gzipSync },
  deflate: { encoding: "deflate", compress: deflateSync },
  zstd: { encoding: "zstd", compress: zstdCompressSync },
  zstdStream: { encoding: "zstd", compress: streamOf({}) },
  zstdWideStream: { encoding: "zstd", compress: streamOf({ [constants.ZSTD_c_windowLog]: 23 }) },
};
const ONE_SHOT = { gzip: gunzipSync, deflate: inflateSync, zstd: zstdDecompressSync } as const;
const PIECE_BYTES = 64 * 1024;
const MIB = 2 ** 20;
/** In smoke mode (`--smoke`) only the smallest. */
const SIZES = isSmoke() ? [1] : [1, 8, 64];
const [kind, mebibytes, way = "", file = ""] = process.argv
  .slice(2)
  .filter((argument) => argument !== "--smoke");

if (kind === undefined) all();
else await one(kind, Number(mebibytes), file);

function all(): void {
  const directory = mkdtempSync(join(tmpdir(), "annals-bench-"));
  for (const [name, { compress }] of Object.entries(KINDS)) {
    for (const size of SIZES) {
      const body = join(directory, `${name}${size}`);
      writeFileSync(body, compress(lines(size * MIB)));
      for (const how of ["decodeContent", "oneShot"]) {
        const args = [...process.execArgv, import.meta.filename, name, String(size), how, body];
        process.stdout.write(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout);
      }
    }
  }
  rmSync(directory, { recursive: true });
}

async function one(name: string, size: number, path: string): Promise<void> {
  const body = readFileSync(path);
  const encoding = KINDS[name]?.encoding ?? "gzip";
  const before = resident("VmRSS");
  let accountedBytes = 0;
  const onGrow = (bytes: number): void => void (accountedBytes = Math.max(accountedBytes, bytes));
  const limits = { maxBytes: size * MIB + 1, maxRatio: 1000, onGrow };
  const decoded =
    way === "oneShot"
      ? ONE_SHOT[encoding](body)
      : await decodeContent(encoding, pieces(body), limits);
  const peakBytes = Math.max(0, resident("VmHWM") - before);
  const times = (bytes: number): number => Number((bytes / decoded.byteLength).toFixed(2));
  console.log(
    JSON.stringify({
      kind: name,
      way,
      inBytes: body.length,
      decodedBytes: decoded.byteLength,
      peakBytes,
      times: times(peakBytes),
      ...(way === "oneShot" ? {} : { accountedTimes: times(accountedBytes) }),
    }),
  );
}

function streamOf(params: Readonly<Record<number, number>>): Compress {
  return (bytes) =>
    zstdCompressSync(bytes, { params: { ...params, [constants.ZSTD_c_contentSizeFlag]: 0 } });
}

/** As a socket gives them. */
function* pieces(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) yield body.subarray(at, at + PIECE_BYTES);
}

/** Records of an access log: they compress about ten to one. */
function lines(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes, " ");
  for (let at = 0, k = 0; at < bytes; k++)
    at += buffer.write(
      `{"actor":{"id":"user${(k * 7919) % 10_007}"},"action":"file.read","targets":[{"id":"f${(k * 31) % 65_537}"}]}\n`,
      at,
    );
  return buffer;
}

function resident(field: string): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
}
