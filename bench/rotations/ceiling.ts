import { Agent, request } from "node:http";
import { readInput } from "../lib/processes.ts";

/** As many reads of one key as the sandbox answers to this process, some at a time, for so long. */
const { sandboxUrl, adminKey, keyId, forMs } = readInput<{
  sandboxUrl: string;
  adminKey: string;
  keyId: string;
  forMs: number;
}>();
const AT_ONCE = 20;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const headers = { "x-api-key": adminKey, "anthropic-version": "2026-10-21" };

const ask = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const sent = request(`${sandboxUrl}/v1/organizations/api_keys/${keyId}`, { agent, headers }, (response) => {
      response.resume();
      response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
    });
    sent.on("error", reject);
    sent.end();
  });

const started = performance.now();
let answered = 0;
const loop = async () => {
  while (performance.now() - started < forMs) {
    await ask();
    answered += 1;
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, loop));
const wallMs = performance.now() - started;
agent.destroy();
console.log(JSON.stringify({ answered, wallMs }));
