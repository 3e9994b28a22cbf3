import { isDeepStrictEqual } from "node:util";
import { ExactNumber } from "@annals/client";
import type { AuditRecord } from "@annals/client";

type Change = NonNullable<AuditRecord["changes"]>[number];

interface Known {
  readonly state: unknown;
  readonly bytes: number;
}

/**
 * The last state of each key, as far as they fit: those longest untouched go first. Without one a whole state is told once more, so it may
 * be wiped at any time.
 */
export class StateCache {
  readonly #bytesMax: number;
  /** In the order of their last use. */
  readonly #known = new Map<string, Known>();
  #bytes = 0;

  /** `bytesMax` counts the JSON of states and keys. A state that is larger alone is not kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is known of the key, if anything. */
  get(key: string): { readonly state: unknown } | undefined {
    return this.#known.get(key);
  }

  set(key: string, state: unknown, bytes: number): void {
    this.#forget(key);
    const size = bytes + key.length;
    if (size > this.#bytesMax) return;
    this.#known.set(key, { state, bytes: size });
    this.#bytes += size;
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#forget(oldest);
    }
  }

  clear(): void {
    this.#known.clear();
    this.#bytes = 0;
  }

  #forget(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#bytes -= known.bytes;
  }
}

/** What turns one state into the next, by the paths of what differs; objects are looked into, arrays are values. */
export function changesBetween(before: unknown, after: unknown, path = ""): readonly Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isMap(before) || !isMap(after) || path.split(".").length > DEPTH_MAX)
    return [changed(path, before, after)];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) =>
    changesBetween(before[name], after[name], path === "" ? name : `${path}.${name}`),
  );
}

/** Deeper, what differs is told as a whole. */
const DEPTH_MAX = 8;

function changed(path: string, before: unknown, after: unknown): Change {
  return {
    path: path === "" ? "$" : path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

/** Whether a value of JSON is an object. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof ExactNumber);
}
