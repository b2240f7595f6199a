import { type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { whoAmI } from "../login/auth-api.ts";
import { formatTable } from "../output.ts";

/** `lighthouse whoami`: as the server knows us, whatever the kubeconfig says. */
export const runWhoami: Run = async (call) => {
  const { flags, io, signal } = call;
  const { client, server } = await call.connect();
  const { username, uid, groups = [], extra } = await whoAmI(client, signal);
  const format = text(flags, "output");
  if (isDocumentFormat(format)) {
    const about = uid === undefined ? {} : { uid };
    const more = extra === undefined ? {} : { extra };
    io.out(documentText(format, { server, username, ...about, groups, ...more }));
    return 0;
  }
  io.out(
    formatTable([
      ["User", username],
      ["Groups", groups.join(", ")],
      ["Server", server],
    ]),
  );
  return 0;
};
