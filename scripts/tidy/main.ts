/**
 * House rules that no linter knows, checked over every package. Prints one line a finding and exits 1 if there is any.
 *
 *   node scripts/tidy/main.ts [--lower]
 *
 * `--lower` first notes which of the numbers that may only fall have fallen.
 */
import { checkArrows } from "./arrows.ts";
import { checkNames } from "./names.ts";
import { checkRatchets, lowerRatchets } from "./ratchets.ts";
import { checkTexts } from "./text.ts";

if (process.argv.includes("--lower")) lowerRatchets();
const findings = [...checkArrows(), ...checkTexts(), ...checkNames(), ...checkRatchets()];
for (const finding of findings) console.error(finding);
console.log(`tidy: ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
