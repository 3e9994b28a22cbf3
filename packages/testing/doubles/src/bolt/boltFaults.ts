/**
 * What a Bolt server does wrong, and when.
 *
 * `lostBefore`, `lostAfter`: the connection ends before or after the request took effect, without an answer. `failure`: the request fails
 * with a code and has no effect. `hold`: it waits. `cutChunk`: it takes effect, and the connection ends in the middle of its answer.
 */
export type BoltFault =
  | { readonly kind: "lostBefore" | "lostAfter" | "cutChunk" }
  | { readonly kind: "failure"; readonly code: string }
  | { readonly kind: "hold"; readonly until: Promise<void> };

interface Planned {
  readonly request: string;
  readonly fault: BoltFault;
  skip: number;
  times: number;
}

/** The faults that are to come, by the requests that meet them. */
export class BoltFaults {
  readonly #planned: Planned[] = [];

  /** The next `times` requests of a kind meet it, after `skip` of them that do not. */
  plan(
    request: string,
    fault: BoltFault,
    options: { readonly skip?: number; readonly times?: number } = {},
  ): void {
    const { skip = 0, times = 1 } = options;
    this.#planned.push({ request, fault, skip, times });
  }

  /** Every kind of fault that has not been met, in words. */
  get left(): readonly string[] {
    return this.#planned.map(({ request, fault, times }) => `${request} ${fault.kind} ×${times}`);
  }

  take(request: string): BoltFault | undefined {
    const index = this.#planned.findIndex((planned) => planned.request === request);
    const planned = this.#planned[index];
    if (planned === undefined) return undefined;
    if (planned.skip > 0) {
      planned.skip -= 1;
      return undefined;
    }
    planned.times -= 1;
    if (planned.times === 0) this.#planned.splice(index, 1);
    return planned.fault;
  }
}
