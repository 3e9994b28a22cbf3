import { LOSSY_WAITING_MAX, WORKER_FRAMES_MAX } from "@annals/flow";
import { QUESTIONS_MAX, LINKS_MAX } from "./constants.ts";

/** Its beginning, its end, and its fault; one reply in the air. */
const MESSAGES_PER_LINK = 4;

/** Messages that may wait at one end of a lane: one per question, frame and log line, and some per link. */
export const LANE_WAITING_MAX: number =
  QUESTIONS_MAX + LOSSY_WAITING_MAX + WORKER_FRAMES_MAX + MESSAGES_PER_LINK * LINKS_MAX;
