import type { GraphParameter, GraphTransaction } from "./graphDatabase.ts";
import type { PatchMutation } from "./mutation.ts";
import { runCounted } from "./counted.ts";
import {
  CHANGE_BEFORE,
  CLOSE_CHANGES,
  createNodes,
  FIRST_CHANGE,
  READ_HEADS,
} from "./templates.ts";

interface Head {
  readonly key: string;
  readonly from: string;
}

type ChangeRow = { key: string; seq: number; properties: Record<string, GraphParameter> };

/**
 * Writes changes as closed intervals: each change of a property holds from its time to that of the next one. What is newest by time (by
 * seq at the same time) is the head, which has no end; a change that comes late is put between its neighbours. Intervals that are to be
 * ended and changes to be made gather, and are written together as long as every change is newer than the head of its property.
 */
export class HistoryWriter {
  readonly #transaction: GraphTransaction;
  readonly #heads = new Map<string, Head>();
  #ends = new Map<string, string>();
  #changes = new Map<string, ChangeRow>();

  constructor(transaction: GraphTransaction) {
    this.#transaction = transaction;
  }

  /** In the order of the records. */
  async write(patches: readonly PatchMutation[]): Promise<void> {
    if (patches.length === 0) return;
    await this.#readHeads(patches);
    for (const patch of patches) {
      const head = this.#heads.get(patch.property);
      if (head === undefined || head.from <= patch.from) this.#append(patch, head);
      else await this.#insert(patch);
    }
    await this.#flush();
  }

  async #readHeads(patches: readonly PatchMutation[]): Promise<void> {
    const properties = [...new Set(patches.map(({ property }) => property))].toSorted();
    const rows = properties.map((property) => ({ property }));
    for (const { property, key, begin } of await this.#transaction.run(READ_HEADS, { rows })) {
      this.#heads.set(String(property), { key: String(key), from: String(begin) });
    }
  }

  #append(patch: PatchMutation, head: Head | undefined): void {
    if (head !== undefined) this.#end(head.key, patch.from);
    this.#make(patch, { head: patch.property });
    this.#heads.set(patch.property, { key: patch.key, from: patch.from });
  }

  async #insert(patch: PatchMutation): Promise<void> {
    await this.#flush();
    const { property, from } = patch;
    const [earlier] = await this.#transaction.run(CHANGE_BEFORE, { property, from });
    if (earlier === undefined) {
      const [first] = await this.#transaction.run(FIRST_CHANGE, { property });
      this.#make(patch, { to: String(first?.["begin"]) });
      return;
    }
    this.#end(String(earlier["key"]), from);
    this.#make(patch, { to: String(earlier["end"]) });
  }

  #end(key: string, to: string): void {
    const made = this.#changes.get(key);
    if (made === undefined) {
      this.#ends.set(key, to);
      return;
    }
    delete made.properties["head"];
    made.properties["to"] = to;
  }

  #make(patch: PatchMutation, end: { readonly head: string } | { readonly to: string }): void {
    const { key, seq, entity, path, property, from, before, after } = patch;
    const properties: Record<string, GraphParameter> = { entity, path, property, from, ...end };
    if (before !== null) properties["old"] = before;
    if (after !== null) properties["new"] = after;
    this.#changes.set(key, { key, seq, properties });
  }

  /** Ends first: only one change of a property may be its head. */
  async #flush(): Promise<void> {
    const ends = [...this.#ends].map(([key, to]) => ({ key, to }));
    const changes = [...this.#changes.values()];
    this.#ends = new Map();
    this.#changes = new Map();
    await runCounted(this.#transaction, CLOSE_CHANGES, ends);
    await runCounted(this.#transaction, createNodes("Change"), changes);
  }
}
