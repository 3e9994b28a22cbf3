/**
 * Goal: docs/protocol.md says what the code says (`vitest -u` writes its tables anew), and no two builds that differ in a layout talk.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { INDEX_MAX, TERM_MAX } from "@annals/raft";
import type { Message } from "@annals/raft";
import { expect, it } from "vitest";
import { APPEND_ENTRIES_MAX, ENTRIES_MAX } from "../src/entries.ts";
import { FRAME_PLACES, MESSAGE_PLACES } from "../src/linkRules.ts";
import {
  LAYOUT_VERSIONS,
  PROTOCOL_VERSION,
  protocolText,
  protocolVersion,
} from "../src/protocolVersion.ts";
import { MEMBERS_MAX } from "../src/membership.ts";
import { MESSAGE_CODES, MESSAGE_ELEMENTS, MESSAGES_MAX } from "../src/messages.ts";
import {
  FRAME_CODES,
  FRAME_ELEMENTS,
  NAME_BYTES_MAX,
  PARCELS_MAX,
  REASON_BYTES_MAX,
} from "../src/frames.ts";
import type { Frame } from "../src/frames.ts";
import type { LinkPlace } from "../src/linkRules.ts";
import { FRAME_FIELDS, MESSAGE_FIELDS } from "../src/layouts.ts";

const PAGE = join(import.meta.dirname, "../../../../docs/protocol.md");
const FRAMES = Object.keys(FRAME_CODES) as Frame["kind"][];
const MESSAGES = Object.keys(MESSAGE_CODES) as Message["kind"][];
const ENVELOPE = 4;

function placesCell(places: readonly LinkPlace[]): string {
  if (places.length === 0) return "nowhere";
  return places.map((place) => place.replace(/(\w+):(\w+)/, "$2 of a $1 link")).join(", ");
}

function frameRow(kind: Frame["kind"]): string {
  const handshake = { hello: "dialler, first", welcome: "acceptor, first" };
  const from =
    kind === "hello" || kind === "welcome" ? handshake[kind] : placesCell(FRAME_PLACES[kind]);
  return `| \`${kind}\` | ${FRAME_CODES[kind]} | ${FRAME_FIELDS[kind].join(", ")} | ${from} |`;
}

function messageRow(kind: Message["kind"]): string {
  const fields = MESSAGE_FIELDS[kind].join(", ") || "–";
  return `| \`${kind}\` | ${MESSAGE_CODES[kind]} | ${fields} | ${placesCell(MESSAGE_PLACES[kind])} |`;
}

const LIMITS: readonly (readonly [what: string, value: number])[] = [
  ...Object.entries(LAYOUT_VERSIONS).map(
    ([layout, v]) => [`layout version of ${layout}`, v] as const,
  ),
  ["protocol version: two digits of each", PROTOCOL_VERSION],
  ["the largest term", TERM_MAX],
  ["the largest index", INDEX_MAX],
  ["bytes of a name", NAME_BYTES_MAX],
  ["bytes of a reason", REASON_BYTES_MAX],
  ["pairs of a `control` frame", PARCELS_MAX],
  ["messages of one run", MESSAGES_MAX],
  ["entries of one AppendEntries", APPEND_ENTRIES_MAX],
  ["entries of one page", ENTRIES_MAX],
  ["members of one list", MEMBERS_MAX],
];

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  frames: [
    "| Kind | Code | Fields after the kind | From the |",
    "| --- | --- | --- | --- |",
    ...FRAMES.map(frameRow),
  ],
  messages: [
    "| Message | Code | Fields after kind, from, to, term | From the |",
    "| --- | --- | --- | --- |",
    ...MESSAGES.map(messageRow),
  ],
  limits: [
    "| Number | Value |",
    "| --- | --- |",
    ...LIMITS.map(([what, value]) => `| ${what} | ${value} |`),
  ],
};

it("docs/protocol.md has the tables of the code", async () => {
  let page = readFileSync(PAGE, "utf8");
  for (const [name, lines] of Object.entries(SECTIONS)) {
    const section = new RegExp(`(<!-- ${name}: begin -->)[^]*(<!-- ${name}: end -->)`);
    expect(page).toMatch(section);
    page = page.replace(section, (_all, begin, end) => `${begin}\n\n${lines.join("\n")}\n\n${end}`);
  }
  await expect(page).toMatchFileSnapshot(PAGE);
});

it("every field has a name", () => {
  expect(FRAMES.map((kind) => [kind, 1 + FRAME_FIELDS[kind].length])).toEqual(
    Object.entries(FRAME_ELEMENTS),
  );
  expect(MESSAGES.map((kind) => [kind, ENVELOPE + MESSAGE_FIELDS[kind].length])).toEqual(
    Object.entries(MESSAGE_ELEMENTS),
  );
});

it.each(Object.keys(LAYOUT_VERSIONS) as (keyof typeof LAYOUT_VERSIONS)[])(
  "another version of %s is another protocol",
  (layout) => {
    const next = { ...LAYOUT_VERSIONS, [layout]: LAYOUT_VERSIONS[layout] + 1 };
    expect(protocolVersion(next)).not.toBe(PROTOCOL_VERSION);
    expect(protocolText(protocolVersion(next))).toContain(`${layout} ${next[layout]}`);
  },
);

it("the protocol names the layouts whose bytes are pinned", () => {
  const newest = (layout: string): number =>
    Math.max(
      ...readdirSync(join(import.meta.dirname, "golden")).map((file) =>
        Number(new RegExp(`^${layout}\\.v(\\d+)\\.hex$`).exec(file)?.[1] ?? 0),
      ),
    );
  const { frames, messages, batch } = LAYOUT_VERSIONS;
  expect([newest("frames"), newest("messages"), newest("batch")]).toEqual([
    frames,
    messages,
    batch,
  ]);
});
