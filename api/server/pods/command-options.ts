import { parseQuery } from "../query-text.ts";
import type { Request } from "../http.ts";
import { isTrue } from "../objects/request-info.ts";
import { checkStreams, type CommandRequest } from "../streams/command-client.ts";

/** The query of a request with all values of repeated parameters. */
export function queryOf({ raw }: Pick<Request, "raw">): URLSearchParams {
  const url = raw.url ?? "";
  const mark = url.indexOf("?");
  return parseQuery(mark < 0 ? "" : url.slice(mark + 1));
}

/**
 * Which streams the client of exec or attach wants. A terminal has no stderr of its own.
 * @throws StatusError `BadRequest` when it wants none
 */
export function readCommandRequest(query: URLSearchParams): CommandRequest {
  const is = (name: string): boolean => isTrue(query.get(name));
  const wanted = {
    stdin: is("stdin"),
    stdout: is("stdout"),
    stderr: is("stderr"),
    tty: is("tty"),
  };
  checkStreams(wanted);
  return wanted;
}
