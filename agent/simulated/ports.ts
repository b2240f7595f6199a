import { createServer, type Server } from "node:http";
import { ApiError } from "./api-error.ts";

/** A listener of a container, or of a published port. */
export type PortHolder = {
  readonly port: number;
  close(): void;
};

function listen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}

/** Answers HTTP on an address with what `text` gives, `undefined` cutting the connection. */
export async function holdPort(
  address: string,
  port: number,
  text: () => string | undefined,
): Promise<PortHolder> {
  const server = createServer((_request, response) => {
    const answer = text();
    if (answer === undefined) response.destroy();
    else response.end(`${answer}\n`);
  });
  const bound = await listen(server, address, port);
  server.unref(); // the engine's own socket keeps the process alive
  return {
    port: bound,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Publishes a port on the host, as docker-proxy does. @throws ApiError when it is taken */
export async function publishPort(
  address: string,
  port: number,
  text: () => string | undefined,
): Promise<PortHolder> {
  try {
    return await holdPort(address, port, text);
  } catch (err) {
    const code = err instanceof Error && "code" in err ? err.code : undefined;
    const where = `${address}:${port}`;
    const why =
      code === "EADDRINUSE"
        ? `Bind for ${where} failed: port is already allocated`
        : `listen tcp4 ${where}: ${err instanceof Error ? err.message : String(err)}`;
    throw new ApiError(500, `driver failed programming external connectivity: ${why}`);
  }
}
