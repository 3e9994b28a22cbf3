import { BATCH_VERSION_MAX, CHAIN_VERSION } from "@annals/record";
import { FRAMES_VERSION } from "./frames.ts";
import { MESSAGES_VERSION } from "./messages.ts";

export type LayoutVersions = Readonly<Record<"frames" | "messages" | "batch" | "chain", number>>;

/** The layouts that two nodes have to read alike, each with the newest version that this build writes. */
export const LAYOUT_VERSIONS: LayoutVersions = {
  frames: FRAMES_VERSION,
  messages: MESSAGES_VERSION,
  batch: BATCH_VERSION_MAX,
  chain: CHAIN_VERSION,
};

/** Two decimal digits a version. */
const DIGITS = 100;

/** One number for all of them, which is another one when any of them is. */
export function protocolVersion(versions: LayoutVersions): number {
  return Object.values(versions).reduce((number, version) => {
    if (version >= DIGITS) throw new RangeError(`version ${version} has more than two digits`);
    return number * DIGITS + version;
  }, 0);
}

/** What such a number says, for people: `1030401 (frames 1, messages 3, batch 4, chain 1)`. */
export function protocolText(protocol: number): string {
  const versions: string[] = [];
  let rest = protocol;
  for (const layout of Object.keys(LAYOUT_VERSIONS).toReversed()) {
    versions.unshift(`${layout} ${rest % DIGITS}`);
    rest = Math.floor(rest / DIGITS);
  }
  return `${protocol} (${versions.join(", ")})`;
}

/** Compared in the handshake: two builds that could misunderstand each other do not talk. */
export const PROTOCOL_VERSION: number = protocolVersion(LAYOUT_VERSIONS);
