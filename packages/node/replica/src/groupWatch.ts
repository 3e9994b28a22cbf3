import type { Seq } from "@annals/record";
import type { GroupId } from "./groupCommand.ts";
import type { GroupTable } from "./groups.ts";

interface Watch {
  token: number;
  renewedMs: number;
  position: Seq;
  movedMs: number;
}

/** How long ago the holder of each lane was heard of, and its position moved: known to the leader alone, since it leads. */
export class GroupWatch {
  readonly #table: Pick<GroupTable, "all">;
  readonly #now: () => number;
  readonly #watches = new Map<string, Watch>();

  constructor(table: Pick<GroupTable, "all">, now: () => number) {
    this.#table = table;
    this.#now = now;
  }

  /** Notes what has changed in the table. A holder that is new here counts as heard of now. */
  look(lastSeq: Seq): void {
    const gone = new Set(this.#watches.keys());
    for (const { id, lanes } of this.#table.all()) {
      for (const [lane, { token, position }] of lanes.entries()) {
        gone.delete(keyOf(id, lane));
        const watch = this.#watch(id, lane, token, position);
        if (watch.token !== token) watch.renewedMs = this.#now();
        if (watch.token !== token || watch.position !== position || position >= lastSeq)
          watch.movedMs = this.#now();
        watch.token = token;
        watch.position = position;
      }
    }
    for (const key of gone) this.#watches.delete(key);
  }

  #watch(id: GroupId, lane: number, token: number, position: Seq): Watch {
    const found = this.#watches.get(keyOf(id, lane));
    if (found !== undefined) return found;
    const made = { token, renewedMs: this.#now(), position, movedMs: this.#now() };
    this.#watches.set(keyOf(id, lane), made);
    return made;
  }

  renew(id: GroupId, lane: number): void {
    const watch = this.#watches.get(keyOf(id, lane));
    if (watch !== undefined) watch.renewedMs = this.#now();
  }

  /** Milliseconds since the holder of this token was heard of; undefined when nothing is known of it, or this replica does not lead. */
  silentMs(id: GroupId, lane: number, token: number): number | undefined {
    const watch = this.#watches.get(keyOf(id, lane));
    return watch?.token === token ? this.#now() - watch.renewedMs : undefined;
  }

  /** Milliseconds since the position moved while there was something to do; undefined when this replica does not lead. */
  stillMs(id: GroupId, lane: number): number | undefined {
    const watch = this.#watches.get(keyOf(id, lane));
    return watch === undefined ? undefined : this.#now() - watch.movedMs;
  }

  clear(): void {
    this.#watches.clear();
  }
}

function keyOf(id: GroupId, lane: number): string {
  return `${id}:${lane}`;
}
