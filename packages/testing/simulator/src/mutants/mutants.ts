import { CLOCK_MUTANTS } from "./clockMutants.ts";
import { CORE_MUTANTS } from "./coreMutants.ts";
import { DISK_MUTANTS } from "./diskMutants.ts";
import { GROUP_MUTANTS } from "./groupMutants.ts";
import { HISTORY_MUTANTS } from "./historyMutants.ts";
import type { Mutant } from "../world/mutant.ts";
import { PORT_MUTANTS } from "./portMutants.ts";
import { QUORUM_MUTANTS } from "./quorumMutants.ts";
import { RECOVERY_MUTANTS } from "./recoveryMutants.ts";

/** Every planted bug that the simulator must catch. */
export const MUTANTS: readonly Mutant[] = [
  ...DISK_MUTANTS,
  ...RECOVERY_MUTANTS,
  ...PORT_MUTANTS,
  ...CORE_MUTANTS,
  ...QUORUM_MUTANTS,
  ...GROUP_MUTANTS,
  ...HISTORY_MUTANTS,
  ...CLOCK_MUTANTS,
];
