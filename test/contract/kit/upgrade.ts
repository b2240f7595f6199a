import { randomBytes } from "node:crypto";
import { request } from "node:https";
import { createClientAgent } from "./client-agent.ts";
import type { SiteAddress } from "./site.ts";

/**
 * Asks for a WebSocket with a subprotocol whose name no WebSocket library lets pass, and resolves
 * to the one that the server chose. @throws Error with the code if it does not switch
 */
export async function upgradedProtocol(
  site: SiteAddress,
  path: string,
  protocol: string,
): Promise<string | undefined> {
  const agent = await createClientAgent(site.kubeconfig);
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "sec-websocket-protocol": protocol,
  };
  try {
    return await new Promise((resolve, reject) => {
      const outgoing = request(site.url + path, { agent, headers, timeout: 10_000 });
      outgoing.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(response.headers["sec-websocket-protocol"]);
      });
      outgoing.on("response", ({ statusCode }) =>
        reject(new Error(`Server answered ${statusCode} instead of switching to ${protocol}`)),
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error(`No answer to ${path} in 10 s`)));
      outgoing.on("error", reject);
      outgoing.end();
    });
  } finally {
    agent.destroy();
  }
}
