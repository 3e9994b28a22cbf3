/** What all of them bring, as it comes; of each in its order, and one ahead. Ends when all have; throws what the first of them throws. */
export async function* merged<T>(
  sources: readonly AsyncGenerator<T, void>[],
): AsyncGenerator<T, void> {
  const settled: {
    readonly source: AsyncGenerator<T, void>;
    readonly step: Promise<IteratorResult<T, void>>;
  }[] = [];
  let wake: () => void = () => {};
  // No race of all of them for every step: each would leave something at those that bring nothing for long.
  const ask = (source: AsyncGenerator<T, void>): void => {
    const step = source.next();
    const settle = (): void => {
      settled.push({ source, step });
      wake();
    };
    step.then(settle, settle);
  };
  for (const source of sources) ask(source);
  for (let open = sources.length; open > 0; ) {
    const next = settled.shift();
    if (next === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const { done, value } = await next.step;
    if (done === true) open--;
    else {
      ask(next.source);
      yield value;
    }
  }
}
