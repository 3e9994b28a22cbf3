/** Milliseconds on the monotonic clock of the machine, which all threads share; that of `performance` begins anew in each. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
