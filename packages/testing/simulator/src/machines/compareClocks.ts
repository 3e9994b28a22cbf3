import { clockSample } from "@annals/replica";
import { asMemberId } from "@annals/raft";
import type { Cluster } from "../world/cluster.ts";
import type { Host } from "../world/machine.ts";

/** A machine asks all others what time it is, as the control links of a node do once a second. */
export function compareClocks(asker: Host, world: Cluster): void {
  const { scheduler, plan } = world;
  const { life, clock } = asker;
  const sentUs = scheduler.nowUs;
  const { least, mean } = plan.latencyUs;
  const travel = (): number => least + clock.random.exponential(mean);
  for (const other of world.inService) {
    const isApart = (): boolean =>
      asker.roster.isRetired(asMemberId(other.id)) || !world.network.connects(asker.id, other.id);
    const [thereUs, backUs] = [travel(), travel()];
    if (other.place === asker.place || isApart()) continue;
    const answer = (): void => {
      if (isApart()) return;
      const wallTime = other.clock.wallTime();
      scheduler.after(backUs, () => {
        asker.run(life, () => {
          if (isApart()) return;
          const sample = clockSample(sentUs / 1000, wallTime, scheduler.nowUs / 1000);
          hear(asker, String(other.place), sample, world);
        });
      });
    };
    scheduler.after(thereUs, () => other.run(other.life, answer));
  }
}

function hear(
  asker: Host,
  place: string,
  sample: ReturnType<typeof clockSample>,
  { mutant, scheduler }: Cluster,
): void {
  const { stamps } = asker.clock;
  const ownOriginMs = asker.clock.wallTime() - scheduler.nowUs / 1000;
  if (mutant?.hearClock === undefined) stamps.heard(place, sample);
  else mutant.hearClock(stamps, place, sample, ownOriginMs);
}
