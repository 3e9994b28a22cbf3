export const USAGE = `usage: pnpm chaos [--mix NAME] [--seconds S] [--seed N] [--hours H] [--nodes N] [--keep]

Runs real clusters, processes of the built command, under faults and clients, and checks what they were told against what every disk holds.

  --mix NAME   only this mix, or "drawn" (default: all, one after the other)
  --seconds S  how long faults strike in each mix (default 15)
  --seed N     repeats the fault schedule of an earlier run
  --hours H    goes on for so long with drawn mixes and a new seed each
  --nodes N    nodes of each cluster, 3 to 9 (default 5)
  --keep       keeps the directories of passed mixes, too

examples:
  pnpm chaos --mix power --seconds 60
  pnpm chaos --hours 8
  pnpm chaos --mix drawn --seed 4711

exit code: 0 all passed, 1 a mix failed, 2 wrong usage, 130 interrupted`;

export interface ChaosArguments {
  readonly kind: "ok";
  readonly mix: string | undefined;
  readonly seconds: number;
  readonly seed: number | undefined;
  readonly hours: number | undefined;
  readonly nodes: number;
  readonly keep: boolean;
}

type Parsed =
  | ChaosArguments
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string };

const NODES_MIN = 3;
const NODES_MAX = 9;

export function parseArguments(argv: readonly string[]): Parsed {
  const texts = new Map<string, string>();
  let keep = false;
  for (let at = 0; at < argv.length; at++) {
    const option = argv[at] ?? "";
    if (option === "--") continue;
    if (option === "--help" || option === "-h") return { kind: "help" };
    if (option === "--keep") {
      keep = true;
      continue;
    }
    if (!["--mix", "--seconds", "--seed", "--hours", "--nodes"].includes(option))
      return { kind: "wrong", problem: `unknown option ${option}` };
    const text = argv[++at];
    if (text === undefined) return { kind: "wrong", problem: `${option} wants a value` };
    texts.set(option, text);
  }
  const seconds = numberOf(texts.get("--seconds") ?? "15");
  const hours = numberOf(texts.get("--hours"));
  const seed = numberOf(texts.get("--seed"));
  const nodes = numberOf(texts.get("--nodes") ?? "5") ?? 0;
  for (const [option, value] of [
    ["--seconds", seconds],
    ["--hours", hours],
    ["--seed", seed],
  ] as const) {
    if (texts.has(option) && value === undefined)
      return { kind: "wrong", problem: `${option} wants a number, got "${texts.get(option)}"` };
  }
  if (seconds === undefined || seconds <= 0)
    return { kind: "wrong", problem: "--seconds must be above 0" };
  if (seed !== undefined && !Number.isInteger(seed))
    return { kind: "wrong", problem: "--seed wants a whole number" };
  if (!Number.isInteger(nodes) || nodes < NODES_MIN || nodes > NODES_MAX)
    return { kind: "wrong", problem: `--nodes must be within ${NODES_MIN} to ${NODES_MAX}` };
  return { kind: "ok", mix: texts.get("--mix"), seconds, seed, hours, nodes, keep };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
