export const USAGE = `usage: pnpm sim [--seeds N] [--from SEED] [--check-determinism N] [--mutants]

Runs whole clusters of production replicas in one thread, on simulated time, network and disks. Every seed is a run of its own.

  --seeds N              how many seeds (default 100)
  --from SEED            the first one (default 1)
  --check-determinism N  runs N seeds twice and compares their traces
  --mutants              plants known bugs, one at a time, and wants each caught within N seeds

exit code: 0 all passed, 1 a seed failed, 2 wrong usage`;

export interface SimulatorArguments {
  readonly kind: "ok";
  readonly mode: "run" | "determinism" | "mutants";
  readonly from: number;
  readonly seeds: number;
}

type Parsed =
  | SimulatorArguments
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string };

export function parseArguments(argv: readonly string[]): Parsed {
  let from = 1;
  let seeds = 100;
  let mode: SimulatorArguments["mode"] = "run";
  for (let at = 0; at < argv.length; at++) {
    const option = argv[at] ?? "";
    if (option === "--") continue;
    if (option === "--help" || option === "-h") return { kind: "help" };
    if (option === "--mutants") {
      mode = "mutants";
      continue;
    }
    if (!["--seeds", "--from", "--check-determinism"].includes(option))
      return { kind: "wrong", problem: `unknown option ${option}` };
    const text = argv[++at] ?? "";
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      return { kind: "wrong", problem: `${option} wants a number, got "${text}"` };
    if (option === "--from") from = value;
    else seeds = value;
    if (option === "--check-determinism") mode = "determinism";
  }
  return { kind: "ok", mode, from, seeds };
}
