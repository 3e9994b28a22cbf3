// Goal: a trouble with attachments is told when it begins and when it is over, each time, and every failure counts.
import { beforeEach, expect, test } from "vitest";
import { BlobTroubles } from "../src/blobTroubles.ts";

let told: string[];
let troubles: BlobTroubles;

beforeEach(() => {
  told = [];
  troubles = new BlobTroubles(({ fields }) => told.push(Object.values(fields).join(" ")));
});

test("each trouble is told once when it begins and once when it is over", () => {
  for (let k = 0; k < 5; k++) troubles.met("from 1", "ERR_BLOB_NOT_SAVED", "full");
  troubles.over("from 1");
  troubles.over("from 1");
  troubles.met("from 1", "ERR_BLOB_NOT_SAVED", "full");
  expect(told).toEqual([
    "from 1 ERR_BLOB_NOT_SAVED full",
    "from 1 ERR_BLOB_NOT_SAVED 5",
    "from 1 ERR_BLOB_NOT_SAVED full",
  ]);
  expect(troubles.count).toBe(6);
});

test("peers, directions and codes do not hide each other", () => {
  troubles.met("from 1", "ERR_BLOB_NOT_SAVED", "full");
  troubles.met("from 2", "ERR_BLOB_NOT_SAVED", "full");
  troubles.met("to 1", "ERR_BLOB_GONE", "lost");
  troubles.met("from 1", "ERR_BLOB_TOO_LARGE", "large");
  troubles.over("from 2");
  expect(told).toEqual([
    "from 1 ERR_BLOB_NOT_SAVED full",
    "from 2 ERR_BLOB_NOT_SAVED full",
    "to 1 ERR_BLOB_GONE lost",
    "from 1 ERR_BLOB_TOO_LARGE large",
    "from 2 ERR_BLOB_NOT_SAVED 1",
  ]);
});

test("what is open is bounded, what is counted is not", () => {
  for (let member = 1; member <= 1000; member++) troubles.met(`to ${member}`, "ERR_BLOB_GONE", "");
  expect(told).toHaveLength(64);
  expect(troubles.count).toBe(1000);
});
