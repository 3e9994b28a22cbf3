const NAME = "TimeoutNegativeWarning";

/**
 * The Kafka client sets timers for times that are over, which Node takes for now and warns about on stderr, each time that a source runs.
 * What else there is to warn of is told as before.
 */
export function quietTimers(): void {
  for (const listener of process.listeners("warning")) {
    process.removeListener("warning", listener);
    process.on("warning", (warning) => {
      if (warning.name !== NAME) listener(warning);
    });
  }
}
