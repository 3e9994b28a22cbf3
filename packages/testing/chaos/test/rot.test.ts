// Goal: the bit-rot harness judges right: every kind of damage to a real log is found or harmless, and what is found is mended.
// Method: one trial a kind on one log, with the damage of a fixed seed.
import { Random } from "@annals/kit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROT_KINDS } from "../src/rotDamage.ts";
import { prepareOffline } from "../src/rotOffline.ts";
import type { OfflineRot } from "../src/rotOffline.ts";

const LIMIT = 60_000;
let rot: OfflineRot;

beforeAll(async () => {
  const random = new Random(1);
  rot = await prepareOffline((n) => random.below(n));
}, LIMIT);

afterAll(() => rot.close());

test.each(ROT_KINDS)("%s", { timeout: LIMIT }, async (kind) => {
  const random = new Random(104);
  const outcome = await rot.trial(kind, (n) => random.below(n));
  expect(outcome).toMatchObject({ failure: undefined });
});
