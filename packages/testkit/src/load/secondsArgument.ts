/** The value of `--seconds`, the only option. Throws a RangeError that says what is wrong. */
export function secondsArgument(argv: readonly string[], standard: number): number {
  const [option, text, ...rest] = argv.filter((argument) => argument !== "--");
  if (option === undefined) return standard;
  const seconds = Number(text);
  if (option !== "--seconds" || rest.length > 0 || !(seconds > 0))
    throw new RangeError(`expected --seconds S, found ${argv.join(" ")}`);
  return seconds;
}
