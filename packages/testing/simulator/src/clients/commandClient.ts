import { markOf } from "@annals/check";
import type { Random } from "@annals/kit";
import type { AnnalsError } from "@annals/record";
import { OpenRequests } from "./openRequests.ts";
import { Pace } from "./pace.ts";
import type { Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** Commands are rare beside appends. */
const THINK_FACTOR = 10;

/** Proposes commands at whoever leads, each once. */
export class CommandClient {
  readonly #log: Log;
  readonly #random: Random;
  readonly #open: OpenRequests;
  readonly #pace: Pace;

  constructor(log: Log, random: Random) {
    this.#log = log;
    this.#random = random;
    this.#open = new OpenRequests(log.world);
    this.#pace = new Pace(log, random, THINK_FACTOR, () => this.#step());
    this.#pace.next();
  }

  stop(): void {
    this.#pace.stop();
  }

  get openRequests(): number {
    return this.#open.size;
  }

  #step(): void {
    this.#pace.next();
    const { replicas } = this.#log;
    const leading = replicas.filter(({ replica }) => replica?.role === "leader");
    const { inService } = this.#log.world;
    const id =
      leading.length > 0 ? this.#random.pick(leading).node : this.#random.pick(inService).id;
    const target = replicas[id - 1];
    if (target?.up === true && !target.host.frozen) this.#propose(target);
  }

  #propose(target: Member): void {
    const { commands, committed, ledger } = this.#log;
    const number = this.#open.open(target);
    commands.proposed(number);
    target.replica?.command(markOf(number)).then(
      (index) => {
        this.#open.close(number);
        commands.acknowledged(number, index);
        const entry = committed.at(index);
        if (entry !== undefined) ledger.acknowledged(entry);
      },
      (error: AnnalsError) => {
        this.#open.close(number);
        if (error.code !== "ERR_OUTCOME_UNKNOWN") commands.refused(number);
      },
    );
  }
}
