// Goal: a blob goes up and comes down through any node, a chunk at a time, and whatever is wrong with an upload leaves nothing behind.
import { once } from "node:events";
import { connect } from "node:net";
import { MemoryBlobs } from "@annals/kit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";

const BYTES = Uint8Array.from({ length: 100_000 }, (_, k) => k % 251);
const DIGEST = new MemoryBlobs().add(BYTES);
const PATH = `/v1/logs/audit/blobs/${DIGEST}`;
const WAIT = { timeout: 5000, interval: 5 };

let leader: TestServer;
let follower: TestServer;

beforeEach(async () => {
  leader = await startTestServer({ node: "a", maxBlobBytes: BYTES.length });
  follower = await startTestServer({ node: "b", maxBlobBytes: BYTES.length });
  const { address } = leader;
  follower.service.target = () => ({ kind: "remote", node: "a", address });
});
afterEach(async () => {
  await Promise.all([leader.close(), follower.close()]);
});

function put(server: TestServer, path = PATH, body = BYTES): Promise<Response> {
  return fetch(server.url + path, { method: "PUT", body });
}

async function problem(response: Response): Promise<string> {
  const { code } = (await response.json()) as { code: string };
  return `${response.status} ${code}`;
}

describe("an upload", () => {
  test("is saved, and answered otherwise the second time", async () => {
    const first = await put(leader);
    expect(first.status).toBe(201);
    expect(await first.json()).toEqual({ sha256: DIGEST, bytes: BYTES.length });
    expect(leader.service.files.saved.get(DIGEST)).toEqual(Buffer.from(BYTES));
    expect((await put(leader)).status).toBe(200);
  });

  test("of a blob whose name was not flushed is taken again, not answered as saved", async () => {
    const { files } = leader.service;
    files.add(BYTES);
    files.unflushed.add(DIGEST);
    expect((await put(leader)).status).toBe(201);
    expect(files.has(DIGEST)).toBe(true);
    expect((await put(leader)).status).toBe(200);
  });

  test("goes to the leader through any node", async () => {
    expect((await put(follower)).status).toBe(201);
    expect(leader.service.files.has(DIGEST)).toBe(true);
    expect(follower.service.files.has(DIGEST)).toBe(false);
  });

  test("waits for a disk that takes no more", async () => {
    const { files } = leader.service;
    files.slow = true;
    const answer = put(leader);
    await vi.waitUntil(() => files.waiting > 0, WAIT);
    files.slow = false;
    files.release();
    expect((await answer).status).toBe(201);
  });

  test.each([
    ["of other bytes", PATH, BYTES.subarray(1), "400 ERR_BLOB_DIGEST"],
    ["under no hash", "/v1/logs/audit/blobs/me", BYTES, "400 ERR_BLOB_NAME"],
    ["of too many bytes", PATH, new Uint8Array(BYTES.length + 1), "413 ERR_BLOB_TOO_LARGE"],
    ["to no log", `/v1/logs/none/blobs/${DIGEST}`, BYTES, "404 ERR_LOG_NOT_FOUND"],
  ])("%s is refused and leaves nothing", async (_, path, body, refusal) => {
    expect(await problem(await put(leader, path, body))).toBe(refusal);
    expect(leader.service.files.saved.size).toBe(0);
    expect(leader.service.files.open).toBe(0);
  });

  test("of unknown length is refused", async () => {
    const body = new Response(BYTES).body;
    const init = { method: "PUT", body, duplex: "half" } as RequestInit;
    expect(await problem(await fetch(leader.url + PATH, init))).toBe("411 ERR_BLOB_LENGTH");
  });

  test("that the disk refuses may come again", async () => {
    leader.service.files.failing = true;
    expect(await problem(await put(leader))).toBe("503 ERR_BLOB_NOT_SAVED");
    leader.service.files.failing = false;
    expect((await put(leader)).status).toBe(201);
  });

  test.each(["leader", "follower"])(
    "cut in the middle leaves nothing, at the %s",
    async (which) => {
      const { files } = leader.service;
      const server = which === "leader" ? leader : follower;
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      await once(socket, "connect");
      const head = `PUT ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: ${BYTES.length}\r\n\r\n`;
      socket.write(head);
      socket.write(BYTES.subarray(0, 70_000));
      await vi.waitUntil(() => files.open === 1, WAIT);
      socket.destroy();
      await vi.waitUntil(() => files.open === 0, WAIT);
      expect(files.saved.size).toBe(0);
      expect(leader.faults).toEqual([]);
    },
  );
});

describe("a download", () => {
  test("comes from the node that is asked, or through it from the leader", async () => {
    leader.service.files.add(BYTES);
    for (const server of [leader, follower]) {
      const response = await fetch(server.url + PATH);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe(String(BYTES.length));
      expect(response.headers.get("etag")).toBe(`"${DIGEST}"`);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(BYTES));
    }
  });

  test("of what nobody has is a clear answer at any node", async () => {
    for (const server of [leader, follower])
      expect(await problem(await fetch(server.url + PATH))).toBe("404 ERR_BLOB_NOT_FOUND");
  });
});
