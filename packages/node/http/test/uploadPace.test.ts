/**
 * Goal: a body that does not come is cut, in time and not before, and one that comes is left alone. Method: requests in memory, whose bytes
 * and whose clock the test moves.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cutWhenIdle, cutWhenLate } from "../src/uploadPace.ts";

class Upload extends EventEmitter {
  readonly socket = { bytesRead: 100 };
  paused = false;
  cut = 0;
  isPaused = (): boolean => this.paused;
  destroy = (): void => void this.cut++;
  get raw(): IncomingMessage {
    return this as unknown as IncomingMessage;
  }
}

let upload: Upload;

beforeEach(() => {
  vi.useFakeTimers();
  upload = new Upload();
});
afterEach(() => void vi.useRealTimers());

describe("a small body", () => {
  it("is cut when it is not here in time", () => {
    cutWhenLate(upload.raw, 500);
    vi.advanceTimersByTime(499);
    expect(upload.cut).toBe(0);
    vi.advanceTimersByTime(1);
    expect(upload.cut).toBe(1);
  });

  it.each(["end", "close"])("is left alone after its %s", (event) => {
    cutWhenLate(upload.raw, 500);
    upload.emit(event);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the upload of a blob", () => {
  beforeEach(() => cutWhenIdle(upload.raw));

  it("goes on as long as it moves, however slowly", () => {
    for (let k = 0; k < 20; k++) {
      upload.socket.bytesRead++;
      vi.advanceTimersByTime(30_000);
    }
    expect(upload.cut).toBe(0);
  });

  it("is cut when nothing has come for half a minute", () => {
    vi.advanceTimersByTime(30_000);
    expect(upload.cut).toBe(0);
    vi.advanceTimersByTime(30_000);
    expect(upload.cut).toBe(1);
  });

  it("is not cut while this node does not take it", () => {
    upload.paused = true;
    vi.advanceTimersByTime(300_000);
    expect(upload.cut).toBe(0);
    upload.paused = false;
    vi.advanceTimersByTime(30_000);
    expect(upload.cut).toBe(1);
  });

  it.each(["end", "close"])("is left alone after its %s", (event) => {
    upload.emit(event);
    expect(vi.getTimerCount()).toBe(0);
  });
});
