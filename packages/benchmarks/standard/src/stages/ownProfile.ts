import type { Profiler } from "node:inspector";
import { Session } from "node:inspector/promises";
import { nowUs } from "./cpuProfile.ts";
import type { Window } from "./cpuProfile.ts";

/** The profile of this process, between two moments that cannot wait. */
export class OwnProfile {
  readonly #session = new Session();
  #began = 0;
  #ended = 0;
  #profile: Promise<{ profile: Profiler.Profile }> | undefined;

  constructor() {
    this.#session.connect();
  }

  begin(): void {
    this.#began = nowUs();
    void this.#session.post("Profiler.enable");
    void this.#session.post("Profiler.start");
  }

  end(): void {
    this.#ended = nowUs();
    this.#profile = this.#session.post("Profiler.stop");
  }

  async result(): Promise<{ readonly profile: Profiler.Profile; readonly window: Window }> {
    if (this.#profile === undefined) throw new RangeError("nothing was measured");
    const { profile } = await this.#profile;
    this.#session.disconnect();
    return { profile, window: { fromUs: this.#began, toUs: this.#ended } };
  }
}
