import { CHANCE_FAULTS } from "../world/faultKinds.ts";
import type { DisksPutBack } from "../world/plan.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "../simulation.ts";
import type { Outcome } from "../simulation.ts";
import type { Schedule } from "../world/schedule.ts";

/** What is needed to understand a failed seed and to see it fail again: runs it anew, with fewer faults and with words. */
export async function explainFailure(failed: Outcome): Promise<string> {
  const { seed } = failed;
  const { putBack } = failed.plan;
  const { strikesOnly, without, runs } = await shrink(failed, (part) =>
    simulate(seed, { ...part, putBack }),
  );
  const shown = await simulate(seed, { keepsLines: true, strikesOnly, without, putBack });
  const { plan, strikes } = shown;
  const chances = [...plan.chances].map(([fault, chance]) => `${fault} ${chance}`);
  return [
    `FAILED seed ${seed}: ${plan.nodes} nodes, ${plan.logs} logs`,
    `  ${failed.strikes.length} strikes, shrunk to ${strikes.length} in ${runs} runs`,
    `  strikes: ${strikes.join(" ") || "none"}`,
    `  of frames and answers: ${chances.join(", ") || "none"}`,
    tellTail(shown),
    `REPRODUCE: pnpm sim --from ${seed} --seeds 1${modeArgument(putBack)}${scheduleArguments({ strikesOnly, without })}`,
  ].join("\n");
}

/** The end of the trace and the rule that broke. */
export function tellTail({ seed, tail, violation }: Outcome): string {
  return [
    ...tail.map((line) => `  ${line}`),
    `seed ${seed} breaks "${violation?.rule}": ${violation?.text}`,
  ].join("\n");
}

function modeArgument(putBack: DisksPutBack): string {
  return putBack === "none" ? "" : ` --put-back ${putBack}`;
}

function scheduleArguments({ strikesOnly, without }: Schedule): string {
  const strikes = [...(strikesOnly ?? [])].join(",");
  const left = CHANCE_FAULTS.filter((fault) => without.has(fault)).join(",");
  return ` --strikes ${strikes || "none"}${left === "" ? "" : ` --without ${left}`}`;
}
