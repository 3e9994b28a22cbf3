import type { StepBodies } from "../language/scenario.ts";
import type { Impairment } from "../proxy/direction.ts";
import type { LinkMatrix } from "../proxy/linkMatrix.ts";
import { StepFailure } from "./outcome.ts";
import type { Site } from "./site.ts";

type Pair = readonly [from: string, to: string];

function linksOf(site: Site): LinkMatrix {
  if (site.links === undefined) throw new StepFailure("this cluster has no proxy");
  return site.links;
}

async function impair(
  site: Site,
  text: string,
  pairs: readonly Pair[],
  impairment: Impairment,
): Promise<void> {
  const links = linksOf(site);
  const touched = (): number =>
    pairs.reduce((sum, [from, to]) => sum + links.direction(from, to).touched, 0);
  const before = touched();
  site.faultStruck();
  links.impair(pairs, impairment);
  await site.faults.struck(text, () => (touched() > before ? `${text} met traffic` : undefined));
}

export async function partition(
  site: Site,
  { between, oneWay }: StepBodies["partition"],
): Promise<void> {
  const groups = await Promise.all(between.map((refs) => site.resolveAll(refs)));
  const pairs = groups.flatMap((from, k) =>
    groups
      .filter((_, other) => other !== k && (!oneWay || k === 0))
      .flatMap((to) => from.flatMap((a) => to.map((b): Pair => [a, b]))),
  );
  const text = `partition ${groups.map((ids) => ids.join("")).join(oneWay ? ">" : "|")}`;
  await impair(site, text, pairs, { stalled: true });
}

export async function slowLinks(site: Site, body: StepBodies["slowLinks"]): Promise<void> {
  const id = await site.resolve(body.node);
  const others = site.cluster.ids.filter((other) => other !== id);
  const pairs = others.flatMap((other): Pair[] => [
    [id, other],
    [other, id],
  ]);
  await impair(site, `slow links of ${id}`, pairs, {
    ...(body.delay === undefined ? {} : { delayMs: body.delay }),
    ...(body.bytesPerSecond === undefined ? {} : { bytesPerSecond: body.bytesPerSecond }),
    ...(body.loss === undefined ? {} : { loss: body.loss }),
  });
}

export async function resetLinks(site: Site, refs: readonly string[]): Promise<void> {
  const links = linksOf(site);
  for (const id of await site.resolveAll(refs)) {
    site.faultStruck();
    const cut = site.cluster.ids
      .filter((other) => other !== id)
      .reduce((sum, other) => sum + links.reset(id, other), 0);
    const text = `reset links of ${id}`;
    await site.faults.struck(text, () => (cut > 0 ? text : undefined));
  }
}

export async function heal(site: Site): Promise<void> {
  await site.faults.look();
  linksOf(site).healAll();
}
