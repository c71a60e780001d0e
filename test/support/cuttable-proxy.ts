import { type AddressInfo, type Socket, connect, createServer } from "node:net";

export interface CuttableProxy {
  port: number;
  /** Breaks every connection and refuses new ones. Safe to repeat. */
  cut(): Promise<void>;
  /** Accepts connections again, on the same port. */
  mend(): Promise<void>;
}

/** Stands between a client and a server on this machine; unplugging it is an outage. */
export async function cuttableProxy(target: number): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const behind = connect(target, "127.0.0.1");
    for (const each of [socket, behind]) {
      sockets.add(each);
      each.on("error", () => undefined);
      each.on("close", () => {
        sockets.delete(each);
        socket.destroy();
        behind.destroy();
      });
    }
    socket.pipe(behind).pipe(socket);
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut: async () => {
      const closed = server.listening ? new Promise((resolve) => server.close(resolve)) : null;
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    mend: () => listen(port),
  };
}
