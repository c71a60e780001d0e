import { createServer } from "node:net";

const tried = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : null));
    });
  });

/** This port of 127.0.0.1 when nobody has it now, else a free one. Somebody may take it before it is used. */
export const choosePort = async (preferred: number): Promise<number> =>
  (await tried(preferred)) ?? (await tried(0)) ?? preferred;
