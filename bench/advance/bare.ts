import { setTimeout as pause } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { readInput } from "../lib/processes.ts";
import { meter } from "./meter.ts";
import { CONCURRENCY, type Request, STEPS } from "./steps.ts";

/**
 * The bare thing: a chain of BullMQ jobs with the same requests in the same order, by plain fetch, and nothing else: no
 * record, no checks, no secrets manager, no audit.
 */
const { redisUrl, sandboxUrl, adminKey, chains } = readInput<{
  redisUrl: string;
  sandboxUrl: string;
  adminKey: string;
  chains: { outgoing: string; replacement: string; text: string }[];
}>();

interface Step {
  chain: number;
  step: number;
}
const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
const queue = new Queue<Step>("bare", { connection, streams: { events: { maxLen: 50 } } });
const add = (chain: number, step: number) => queue.add("step", { chain, step }, { jobId: `chain-${chain}-${step}` });
await Promise.all(chains.map((_, chain) => add(chain, 0)));

const version = { "anthropic-version": "2026-10-21" };
const admin = { ...version, "x-api-key": adminKey };
const post = (headers: Record<string, string>, body: object): RequestInit => ({
  method: "POST",
  headers: { ...headers, "content-type": "application/json" },
  body: JSON.stringify(body),
});

async function send(request: Request, chain: (typeof chains)[number]): Promise<void> {
  const live = { ...version, "x-api-key": chain.text };
  const message = { model: "claude-haiku-4-5", max_tokens: 1, messages: [{ role: "user", content: "ping" }] };
  const key = (id: string) => `/v1/organizations/api_keys/${id}`;
  const [path, init]: [string, RequestInit] = {
    outgoing: [key(chain.outgoing), { headers: admin }] satisfies [string, RequestInit],
    replacement: [key(chain.replacement), { headers: admin }] satisfies [string, RequestInit],
    models: ["/v1/models?limit=1", { headers: live }] satisfies [string, RequestInit],
    message: ["/v1/messages", post(live, message)] satisfies [string, RequestInit],
    deactivate: [key(chain.outgoing), post(admin, { status: "inactive" })] satisfies [string, RequestInit],
  }[request];
  const response = await fetch(`${sandboxUrl}${path}`, init);
  if (!response.ok) throw new Error(`${request}: ${response.status}`);
  await response.json();
}

let last = 0;
await meter(redisUrl, chains.length, async (done, moved) => {
  const worker = new Worker<Step>(
    queue.name,
    async ({ data: { chain, step } }) => {
      const what = chains[chain];
      if (what === undefined) return;
      for (const request of STEPS[step] ?? []) await send(request, what);
      if (step + 1 < STEPS.length) await add(chain, step + 1);
      moved();
      // Entering the grace period is the end of the last job but one.
      if (step === STEPS.length - 2) done();
      if (step === STEPS.length - 1) last += 1;
    },
    { connection: connection.duplicate(), concurrency: CONCURRENCY, removeOnComplete: { count: 0 } },
  );
  worker.on("error", () => undefined);
  await worker.waitUntilReady();
  return {
    idle: async () => {
      while (last < chains.length) await pause(20);
    },
    stop: () => worker.close(),
  };
});
await queue.close();
connection.disconnect();
process.exit(0);
