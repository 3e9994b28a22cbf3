// Goal: every message and frame survives the wire, and no hostile bytes do anything but read as valid or fail with a wire code.
import * as fc from "fast-check";
import { unpack } from "msgpackr";
import { describe, expect, test } from "vitest";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import { decodeFrame, encodeFrame, encodeMessagesFrame } from "../src/frames.ts";
import { decodeMessages, encodeMessages } from "../src/messages.ts";
import { WireError } from "../src/wireError.ts";
import { frame, message } from "./support/arbitraries.ts";

/** Byte runs come out as Buffers; compare them as plain arrays of bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
  return value;
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return "no error";
  } catch (error) {
    return error instanceof WireError ? error.code : `uncoded ${String(error)}`;
  }
}

const envelope = { from: asMemberId(1), to: asMemberId(2), term: asTerm(3) };

describe.each([
  ["messages", fc.array(message, { maxLength: 4 }).map(encodeMessages), decodeMessages],
  ["frame", frame.map(encodeFrame), decodeFrame],
] as const)("%s", (_name, encoded, decode) => {
  test("any mutation, cut or extension reads as valid or fails with a wire code", () => {
    fc.assert(
      fc.property(
        encoded,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: -8, max: 2 }),
        (original, mutations, tail) => {
          const bytes = new Uint8Array(Math.max(0, original.length + tail));
          bytes.set(original.subarray(0, bytes.length));
          for (const [where, value] of mutations) bytes[where % Math.max(1, bytes.length)] = value;
          expect(codeOf(() => decode(bytes))).toMatch(/^(no error|ERR_WIRE_[A-Z]+)$/);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("random bytes fail with a wire code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(codeOf(() => decode(bytes))).toMatch(/^(no error|ERR_WIRE_[A-Z]+)$/);
      }),
      { numRuns: 500 },
    );
  });
});

test("a frame of messages is the one that their own layout would be in", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("append" as const, "response" as const),
      fc.nat(),
      fc.array(message, { maxLength: 4 }),
      (kind, epoch, messages) => {
        const inTwoSteps = encodeFrame({ kind, epoch, bytes: encodeMessages(messages) });
        expect(plain(encodeMessagesFrame(kind, epoch, messages))).toEqual(plain(inTwoSteps));
      },
    ),
  );
});

test("messages come back as they were", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
      expect(plain(decodeMessages(encodeMessages(messages)))).toEqual(plain(messages));
    }),
    { numRuns: 300 },
  );
});

test("frames come back as they were", () => {
  fc.assert(
    fc.property(frame, (original) => {
      expect(plain(decodeFrame(encodeFrame(original)))).toEqual(plain(original));
    }),
    { numRuns: 300 },
  );
});

test("a frame's buffer holds the frame and nothing else", () => {
  const bytes = new Uint8Array(3_000_000);
  expect(encodeFrame({ kind: "append", epoch: 1, bytes }).buffer.byteLength).toBeLessThan(
    3_000_100,
  );
  expect(encodeMessages([{ kind: "timeoutNow", ...envelope }]).buffer.byteLength).toBeLessThan(20);
});

test("other decoders read what we write", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 3 }), (messages) => {
      const unpacked: unknown = unpack(encodeMessages(messages).subarray(1));
      expect(unpacked).toHaveLength(messages.length);
    }),
    { numRuns: 100 },
  );
});

test("entry data are views of the received bytes, not copies", () => {
  const data = new Uint8Array(1000).fill(7);
  const index = asIndex(5);
  const [first] = decodeMessages(
    encodeMessages([
      {
        kind: "appendEntries",
        ...envelope,
        prevLogIndex: asIndex(4),
        prevLogTerm: asTerm(1),
        leaderCommit: asIndex(4),
        entries: [{ index, term: asTerm(3), kind: "records", data }],
      },
    ]),
  );
  const entries = first?.kind === "appendEntries" ? first.entries : [];
  expect(entries[0]?.data.byteLength).toBe(1000);
  expect(entries[0]?.data.buffer.byteLength).toBeGreaterThan(1000);
});

test.each([
  ["no bytes", Uint8Array.of(), "ERR_WIRE_TRUNCATED"],
  ["another version", Uint8Array.of(1, 0x90), "ERR_WIRE_VERSION"],
  ["no array", Uint8Array.of(3, 0xc0), "ERR_WIRE_TYPE"],
  ["four billion messages", Uint8Array.of(3, 0xdd, 0xff, 0xff, 0xff, 0xff), "ERR_WIRE_RANGE"],
  ["more messages than bytes", Uint8Array.of(3, 0x92, 0x90), "ERR_WIRE_TRUNCATED"],
  ["unknown kind", Uint8Array.of(3, 0x91, 0x94, 0x63, 1, 1, 1), "ERR_WIRE_KIND"],
  ["too many fields", Uint8Array.of(3, 0x91, 0x95, 10, 1, 1, 1, 1), "ERR_WIRE_COUNT"],
  ["a negative member", Uint8Array.of(3, 0x91, 0x94, 10, 0xff, 1, 1), "ERR_WIRE_TYPE"],
  [
    "an unsafe term",
    Uint8Array.of(3, 0x91, 0x94, 10, 1, 1, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0),
    "ERR_WIRE_RANGE",
  ],
  ["an extension type", Uint8Array.of(3, 0x91, 0xd4, 0x72, 0x40), "ERR_WIRE_TYPE"],
  ["trailing bytes", Uint8Array.of(3, 0x90, 0), "ERR_WIRE_TRAILING"],
  [
    "a hash of one byte",
    Uint8Array.of(3, 0x91, 0x97, 7, 1, 1, 1, 0, 0xc4, 1, 0xaa, 0),
    "ERR_WIRE_RANGE",
  ],
])("%s is refused", (_what, bytes, code) => {
  expect(codeOf(() => decodeMessages(bytes))).toBe(code);
});

test("a data link names its log, a control link none", () => {
  const hello = {
    kind: "hello",
    protocol: 1,
    cluster: "c",
    clusterId: undefined,
    node: "n1",
    member: asMemberId(1),
    address: "127.0.0.1:1",
    fingerprint: "f",
    epoch: 1,
    limits: { maxMessageBytes: 1 },
  } as const;
  expect(
    codeOf(() => decodeFrame(encodeFrame({ ...hello, purpose: "data", logId: undefined }))),
  ).toBe("ERR_WIRE_RANGE");
  expect(codeOf(() => decodeFrame(encodeFrame({ ...hello, purpose: "control", logId: 1 })))).toBe(
    "ERR_WIRE_RANGE",
  );
});

test("entries that do not follow prevLogIndex are a bug of the caller", () => {
  const entry = {
    index: asIndex(9),
    term: asTerm(1),
    kind: "noop",
    data: new Uint8Array(0),
  } as const;
  const append = {
    kind: "appendEntries",
    ...envelope,
    prevLogIndex: asIndex(4),
    prevLogTerm: asTerm(1),
    leaderCommit: asIndex(0),
  } as const;
  expect(() => encodeMessages([{ ...append, entries: [entry] }])).toThrow(RangeError);
});
