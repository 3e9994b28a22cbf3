import { contentOf, isDamaged, isUnreadable, openFile } from "./content.ts";
import type { Content } from "./content.ts";
import { identityOf, isSameFile } from "./listing.ts";
import type { Listed } from "./listing.ts";
import { digest, hasMark, isSameMark, markOf, TRAIL_BYTES, trailAt } from "./trail.ts";
import type { Mark, Trail } from "./trail.ts";

/** Bytes of a stream that are passed at a time when only its length is wanted. */
const STEP_BYTES = 1 << 20;

/** Opens what was listed; undefined when it has another name, or is another file, by now. */
export async function openListed({ path, identity }: Listed): Promise<Content | undefined> {
  const handle = await openFile(path);
  if (handle === undefined) return undefined;
  const found = identityOf(await handle.stat({ bigint: true }));
  if (isSameFile(found, identity)) return contentOf(handle, path);
  await handle.close();
  return undefined;
}

/**
 * What `look` finds in a listed file, or `otherwise` if it is not there any more or cannot be
 * decoded.
 */
export async function lookInto<T>(
  listed: Listed,
  otherwise: T,
  look: (content: Content) => Promise<T>,
): Promise<T> {
  let content: Content | undefined;
  try {
    content = await openListed(listed);
    return content === undefined ? otherwise : await look(content);
  } catch (error) {
    if (!isDamaged(error) && !isUnreadable(error)) throw error;
    return otherwise;
  } finally {
    await content?.close();
  }
}

/** The trail at the end of a content. */
export async function trailAtEnd(content: Content): Promise<Trail | undefined> {
  const size = content.isStream ? undefined : await content.size();
  if (size !== undefined) return trailAt(content, size);
  let end = 0;
  const head = await content.read(0, TRAIL_BYTES);
  let tail: Uint8Array = head;
  for (let part = await content.read(0, STEP_BYTES); part.length > 0; ) {
    tail = Buffer.concat([tail, part]).subarray(-TRAIL_BYTES);
    end += part.length;
    part = await content.read(end, end + STEP_BYTES);
  }
  return { at: end, head, tail: Uint8Array.from(tail.subarray(-Math.min(end, TRAIL_BYTES))) };
}

/**
 * Whether a content goes on where a file with this mark was left. `shorter`: it is the same, and
 * ends before that. `first`: the first bytes of the file, if they are at hand.
 */
export async function continues(
  content: Content,
  mark: Mark,
  first?: Uint8Array,
): Promise<"yes" | "no" | "shorter"> {
  if (mark.bytes === 0) return "no";
  const wanted = Math.min(mark.bytes, TRAIL_BYTES);
  const head = await content.read(0, wanted);
  if (head.length < wanted) {
    const isSame = head.length > 0 && Buffer.compare(head, beginning(first, head.length)) === 0;
    return isSame ? "shorter" : "no";
  }
  if (digest(head) !== mark.head) return "no";
  if (await hasMark(content, mark)) return "yes";
  const more = await content.read(mark.bytes - 1, mark.bytes);
  return more.length === 0 ? "shorter" : "no";
}

function beginning(bytes: Uint8Array | undefined, length: number): Uint8Array {
  return bytes?.subarray(0, length) ?? new Uint8Array(0);
}

/** Whether the whole content is what an open file begins with. */
export async function isBeginningOf(content: Content, whole: Content): Promise<boolean> {
  const head = await content.read(0, TRAIL_BYTES);
  const same = await whole.read(0, head.length);
  if (head.length === 0 || Buffer.compare(head, same) !== 0) return false;
  const end = await trailAtEnd(content);
  const there = end === undefined ? undefined : await trailAt(whole, end.at);
  return end !== undefined && there !== undefined && isSameMark(markOf(end), markOf(there));
}
