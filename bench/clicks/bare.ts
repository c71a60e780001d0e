import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { App, HTTPReceiver, LogLevel } from "@slack/bolt";
import { readInput } from "../lib/processes.ts";

/** The bare thing: Bolt verifies the signature and a handler acknowledges; nothing is decided or kept. */
const { signingSecret } = readInput<{ signingSecret: string }>();
const receiver = new HTTPReceiver({ signingSecret, endpoints: ["/slack/interactions"], logLevel: LogLevel.ERROR });
const app = new App({ receiver, authorize: async () => ({}), convoStore: false, logLevel: LogLevel.ERROR });
app.action(/.*/, ({ ack }) => ack());
const server = createServer(receiver.requestListener).listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
