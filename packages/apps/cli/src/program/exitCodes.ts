/** What the command's exit code says to scripts. Documented in `annals --help`. */
export const EXIT: {
  readonly ok: 0;
  readonly failed: 1;
  readonly usage: 2;
  readonly cannotConnect: 3;
  readonly unavailable: 4;
  readonly denied: 5;
  readonly notFound: 6;
  readonly deadLetters: 7;
  readonly unhealthy: 10;
  readonly damaged: 20;
  readonly badConfig: 78;
  readonly interrupted: 130;
} = {
  ok: 0,
  failed: 1,
  usage: 2,
  cannotConnect: 3,
  /** No leader, no quorum, no answer in time: the same command may succeed later. */
  unavailable: 4,
  denied: 5,
  notFound: 6,
  /** Everything was read, and some lines became dead letters. */
  deadLetters: 7,
  unhealthy: 10,
  /** A check of stored data found damage. */
  damaged: 20,
  /** The configuration is wrong; service managers must not restart. */
  badConfig: 78,
  interrupted: 130,
};

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
