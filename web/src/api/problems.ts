/** What can go wrong on the way to the server. */

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
    readonly problems: string[] = [],
  ) {
    super([`nothing at ${path}`, ...problems].join("\n"));
  }
}

/** The server answers with an error. */
export class WrongAnswer extends Error {
  override name = "WrongAnswer";

  constructor(
    path: string,
    readonly status: number,
    readonly problems: string[],
  ) {
    super([`${status} for ${path}`, ...problems].join("\n"));
  }
}
