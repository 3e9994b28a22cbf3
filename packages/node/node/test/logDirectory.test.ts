// Goal: a log counts a leader once a term, however often it is heard of, and forgets none when its worker ends.
import { NOBODY } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { expect, test } from "vitest";
import { displace, follow, heard, newPlace, opened, refuse, resolve } from "../src/logDirectory.ts";
import type { LogPlace } from "../src/logDirectory.ts";
import type { WorkerHandle } from "../src/workerHandle.ts";

const [A, B] = [1, 2] as MemberId[];
const NOTHING = [undefined, undefined, undefined];

test("elections are counted by terms that had a leader", () => {
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  const heard = (leader: MemberId | undefined, term: number) =>
    follow(place, { role: "follower", leader: leader ?? NOBODY, term, diverged: false });
  heard(A, 1);
  heard(undefined, 1);
  heard(A, 1);
  heard(undefined, 2);
  expect(place.elections).toBe(1);
  heard(B, 3);
  displace(place);
  heard(B, 3);
  expect(place.elections).toBe(2);
});

test("of a log whose worker has gone nothing is said any more until it is opened elsewhere", () => {
  const fresh = newPlace({ id: 2, name: "audit", voters: [] }, false);
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  place.opened = true;
  place.catchingUp = true;
  place.repairing = { what: "damage", entries: undefined, missing: false };
  refuse(place, "ENOSPC");
  follow(place, { role: "leader", leader: A ?? NOBODY, term: 0, diverged: true });
  displace(place);
  expect(place).toEqual({ ...fresh, term: 0 });
});

test("a log that is open has nothing in its way any more", () => {
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  place.repairing = { what: "damage", entries: undefined, missing: false };
  place.refused = "ENOSPC";
  place.resolving = "b";
  opened(place);
  const { repairing, refused, resolving } = place;
  expect([place.opened, repairing, refused, resolving]).toEqual([true, ...NOTHING]);
});

test("a log that the disk refuses is silent, and one that it lets be opened again is not touched", () => {
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  const lead = () => {
    opened(place);
    follow(place, { role: "leader", leader: A ?? NOBODY, term: 1, diverged: false });
  };
  lead();
  refuse(place, "ENOSPC");
  expect(place).toMatchObject({ refused: "ENOSPC", opened: false, role: "follower", leader: 0 });
  lead();
  refuse(place, undefined);
  expect(place).toMatchObject({ refused: undefined, opened: true, role: "leader", leader: A });
});

test("a decision that is carried out closes the log, and comes before its repair", () => {
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  opened(place);
  place.repairing = { what: "damage", entries: undefined, missing: false };
  resolve(place, "b");
  expect(place).toMatchObject({ resolving: "b", repairing: undefined, opened: false });
});

test("news count when they come from the worker that has the log", () => {
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  const [old, fresh] = [{}, {}] as WorkerHandle[];
  if (old === undefined || fresh === undefined) throw new Error("no worker");
  const news: LogPlace[] = [];
  const tell = (from: WorkerHandle): void => heard(place, from, (one) => void news.push(one));
  tell(fresh);
  place.worker = fresh;
  tell(old);
  heard(undefined, fresh, (one) => void news.push(one));
  expect(news).toEqual([]);
  tell(fresh);
  expect(news).toEqual([place]);
});
