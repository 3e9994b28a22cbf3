import type { AnnalsError } from "@annals/record";
import { markOf } from "../checkers/commandOracle.ts";
import type { LogUnderTest } from "./logUnderTest.ts";
import { Pace } from "./pace.ts";
import type { Random } from "./random.ts";
import type { SimulatedReplica } from "./simulatedReplica.ts";

/** Commands are rare beside appends. */
const THINK_FACTOR = 10;
const LOOK_AFTER_US = 500_000;

/** Proposes commands at whoever leads, each once. A command waits without a deadline, so a client looks whether its replica still lives. */
export class CommandClient {
  readonly #log: LogUnderTest;
  readonly #random: Random;
  readonly #open = new Set<number>();
  readonly #pace: Pace;

  constructor(log: LogUnderTest, random: Random) {
    this.#log = log;
    this.#random = random;
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

  #propose(target: SimulatedReplica): void {
    const { world, commands, committed, ledger } = this.#log;
    const number = world.nextRequest();
    commands.proposed(number);
    this.#open.add(number);
    world.journal.note("command", target.node, target.log, number);
    const { life } = target;
    this.#lookLater(number, target, life);
    target.replica?.command(markOf(number)).then(
      (index) => {
        this.#open.delete(number);
        commands.acknowledged(number, index);
        const entry = committed.at(index);
        if (entry !== undefined) ledger.acknowledged(entry);
      },
      (error: AnnalsError) => {
        this.#open.delete(number);
        if (error.code !== "ERR_OUTCOME_UNKNOWN") commands.refused(number);
      },
    );
  }

  /** The process that was asked may have died with the command. */
  #lookLater(number: number, target: SimulatedReplica, life: number): void {
    this.#log.world.scheduler.after(LOOK_AFTER_US, () => {
      if (!this.#open.has(number)) return;
      const { host } = target;
      if (target.up && target.life === life && !host.dead) this.#lookLater(number, target, life);
      else this.#open.delete(number);
    });
  }
}
