/** What can go wrong on the way to the server. */

import type { ProblemFacts } from "./schema";

/** Nobody answers at the address of the server. */
export class ServerGone extends Error {
  override name = "ServerGone";

  constructor(path: string) {
    super(`no answer for ${path}`);
  }
}

/** The server has nothing at this address. */
export class NotFound extends Error {
  override name = "NotFound";

  constructor(
    readonly path: string,
    readonly problems: ProblemFacts[] = [],
  ) {
    super([`nothing at ${path}`, ...problems.map(({ text }) => text)].join("\n"));
  }
}

/** The server answers with an error. */
export class WrongAnswer extends Error {
  override name = "WrongAnswer";

  constructor(
    path: string,
    readonly status: number,
    readonly problems: ProblemFacts[],
  ) {
    super([`${status} for ${path}`, ...problems.map(({ text }) => text)].join("\n"));
  }
}
