import Anthropic from "@anthropic-ai/sdk";
import { readInput } from "../lib/processes.ts";
import { meter } from "./meter.ts";

const { sandboxUrl, adminKey } = readInput<{ sandboxUrl: string; adminKey: string }>();
const client = new Anthropic({ apiKey: adminKey, baseURL: sandboxUrl });

await meter(async () => {
  let keys = 0;
  for await (const key of client.organization.apiKeys.list({ limit: 1000 })) if (key.id !== "") keys += 1;
  return keys;
});
