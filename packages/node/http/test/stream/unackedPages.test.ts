// Goal: what a subscriber has not acknowledged is counted exactly where pages are dense, and by the page where they have gaps.
import { expect, test } from "vitest";
import { UnackedPages } from "../../src/stream/unackedPages.ts";

test("an acknowledgement frees what it covers", () => {
  const pages = new UnackedPages();
  pages.add({ from: 1, to: 10, count: 10 });
  pages.add({ from: 11, to: 12, count: 2 });
  pages.ack(4);
  expect(pages.records).toBe(8);
  pages.ack(3);
  expect(pages.records).toBe(8);
  pages.ack(10);
  expect(pages.records).toBe(2);
  pages.ack(1000);
  expect(pages.records).toBe(0);
});

test("of a page with gaps everything is freed by the end of its range", () => {
  const pages = new UnackedPages();
  pages.add({ from: 1, to: 10, count: 3 });
  pages.ack(9);
  expect(pages.records).toBe(3);
  pages.ack(10);
  expect(pages.records).toBe(0);
});
