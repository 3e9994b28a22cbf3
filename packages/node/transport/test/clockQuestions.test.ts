/** Goal: what a link learns of the clock at its other end is right within half a round trip. Method: a clock moved by hand. */
import type { ClockSample } from "@annals/replica";
import { expect, it } from "vitest";
import { ClockQuestions, tellTime } from "../src/clockQuestions.ts";

function asking(): {
  questions: ClockQuestions;
  samples: ClockSample[];
  pass: (ms: number) => void;
} {
  let nowMs = 1000;
  const samples: ClockSample[] = [];
  const questions = new ClockQuestions(
    () => nowMs,
    (sample) => samples.push(sample),
  );
  return { questions, samples, pass: (ms) => void (nowMs += ms) };
}

it("takes the middle of the round trip for the moment at which the other clock was read", () => {
  const { questions, samples, pass } = asking();
  const question = questions.next();
  pass(30);
  const answer = tellTime(question, 5_000_000);
  pass(10);
  questions.answered(answer);
  expect(samples).toEqual([{ originMs: 4_998_980, uncertaintyMs: 20, atMs: 1040 }]);
});

it("counts the answer to the last question only, and only once", () => {
  const { questions, samples, pass } = asking();
  const first = questions.next();
  pass(1000);
  const second = questions.next();
  questions.answered(tellTime(first, 1));
  questions.answered(tellTime({ kind: "askTime", token: 77 }, 1));
  expect(samples).toEqual([]);
  questions.answered(tellTime(second, 2000));
  questions.answered(tellTime(second, 3000));
  expect(samples).toEqual([{ originMs: 0, uncertaintyMs: 0, atMs: 2000 }]);
});

it("tells a clock from before 1970 as 0, which every layout can carry", () => {
  expect(tellTime({ kind: "askTime", token: 1 }, -5).wallTime).toBe(0);
});
