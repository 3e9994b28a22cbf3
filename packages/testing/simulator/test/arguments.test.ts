// Goal: what is asked for is what runs, and what makes no sense is refused with the option's name. Method: a table of command lines.
import { describe, expect, it } from "vitest";
import { parseArguments as parseSimulatorArguments } from "../src/program/arguments.ts";

const split = (line: string): string[] => line.split(" ").filter((word) => word !== "");

describe("parseSimulatorArguments", () => {
  it.each([
    ["--jobs 2", { kind: "seeds", from: 1, seeds: 100, jobs: 2 }],
    ["-- --from 7 --seeds 3 --jobs 1", { kind: "seeds", from: 7, seeds: 3, jobs: 1 }],
    ["--hours .5 --from 9 --jobs 1", { kind: "hours", from: 9, hours: 0.5, jobs: 1 }],
    ["--gate --jobs 4", { kind: "gate", jobs: 4 }],
    [
      "--put-back quorum --jobs 1",
      { kind: "seeds", from: 1, seeds: 100, jobs: 1, putBack: "quorum" },
    ],
    ["--check-determinism 5 --jobs 1", { kind: "determinism", from: 1, seeds: 5, jobs: 1 }],
    ["--mutants --seeds 8", { kind: "mutants", from: 1, seeds: 8, only: undefined }],
    ["--mutant lost-vote", { kind: "mutants", from: 1, seeds: 100, only: "lost-vote" }],
    ["--help --seeds x", { kind: "help" }],
  ])("%s", (line, command) => {
    expect(parseSimulatorArguments(split(line))).toEqual(command);
  });

  it("takes a schedule", () => {
    expect(
      parseSimulatorArguments(split("--from 3 --seeds 1 --strikes crash#2,stop#1 --without loss")),
    ).toEqual({
      kind: "replay",
      seed: 3,
      schedule: { strikesOnly: new Set(["crash#2", "stop#1"]), without: new Set(["loss"]) },
    });
    expect(parseSimulatorArguments(split("--from 3 --strikes none"))).toMatchObject({
      schedule: { strikesOnly: new Set() },
    });
  });

  it.each([
    ["--seeds x", "--seeds"],
    ["--seeds 0", "--seeds"],
    ["--jobs 0", "--jobs"],
    ["--hours -1", "--hours"],
    ["--hours 0", "--hours"],
    ["--from 1.5", "--from"],
    ["--strikes none --seeds 2", "--strikes"],
    ["--without bad-luck", "bad-luck"],
    ["--sedes 4", "--sedes"],
    ["--put-back all", "--put-back"],
  ])("refuses %s", (line, named) => {
    const parsed = parseSimulatorArguments(split(line));
    expect(parsed).toMatchObject({ kind: "wrong" });
    expect(parsed.kind === "wrong" && parsed.problem).toContain(named);
  });
});
