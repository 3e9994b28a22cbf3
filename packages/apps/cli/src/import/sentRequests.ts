import { blockOf, bodyOf } from "./block.ts";
import type { Block } from "./block.ts";
import type { SentRequest } from "../follow/followState.ts";
import type { Request } from "./sender.ts";
import { digest, markOf, trailAfter } from "../follow/trail.ts";
import type { Readable, Trail } from "../follow/trail.ts";

/** What a state remembers of requests on their way; the first one begins at the trail. */
export function sentOf(trail: Trail, requests: readonly Request[]): readonly SentRequest[] {
  let behind = trail;
  return requests.map(({ block, body, sequence }) => {
    behind = trailAfter(behind, block.bytes);
    return {
      sequence,
      from: block.from,
      to: block.from + block.bytes.length,
      records: block.records,
      lineEnds: block.lineEnds,
      sha256: digest(body),
      mark: markOf(behind),
    };
  });
}

/** The lines of a request that was sent, if the content still has them. */
export async function blockOfSent(
  content: Readable,
  { from, to, sha256 }: SentRequest,
): Promise<Block | undefined> {
  const block = blockOf(await content.read(from, to), from);
  return digest(bodyOf(block)) === sha256 ? block : undefined;
}
