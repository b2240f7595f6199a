import { type ClientHttp2Session, connect } from "node:http2";
import type { Access } from "../../../api/server/pki/kubeconfig.ts";

/** One request of a walk. */
export type Step = { readonly method: string; readonly url: string };

/** What a step was answered with. */
export type Seen = { readonly code: number; readonly text: string };

/** Many requests over one connection. */
export type Walker = AsyncDisposable & {
  send(step: Step, options?: { readonly as?: string; readonly body?: object }): Promise<Seen>;
};

const stepDeadlineMs = 10_000;

/** `client` is absent for somebody without credentials; with an administrator's `as` acts as a user. */
export function openWalker(
  { server, authority }: Pick<Access, "server" | "authority">,
  client?: Access["client"],
): Walker {
  const keys = client === undefined ? {} : { cert: client.certificate, key: client.key };
  const open = (): ClientHttp2Session => {
    const opened = connect(server, { ca: authority, ...keys });
    return opened.on("error", () => {}); // the step that was under way fails
  };
  let session = open();
  return {
    send({ method, url }, { as, body } = {}) {
      // The server may end a connection that was busy for long, like any other.
      if (session.destroyed || session.closed) session = open();
      const bytes = body === undefined ? undefined : JSON.stringify(body);
      const stream = session.request({
        ":method": method,
        ":path": url,
        ...(as === undefined ? {} : { "impersonate-user": as }),
        ...(bytes === undefined ? {} : { "content-type": "application/json" }),
      });
      stream.end(bytes);
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`No answer to ${method} ${url}`)),
          stepDeadlineMs,
        );
        stream.on("error", reject);
        stream.on("response", (headers) => {
          clearTimeout(late);
          const code = Number(headers[":status"]);
          let text = "";
          stream.setEncoding("utf8");
          stream.on("data", (chunk: string) => (text += chunk));
          stream.on("close", () => resolve({ code, text }));
        });
      });
    },
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  };
}
