import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Common, Node } from "./node.ts";

/** What a server says of its replication. */
export async function infoOf(node: Node): Promise<Record<string, string | undefined>> {
  const text = await node.ask("INFO", "replication").catch(() => "");
  const lines = typeof text === "string" ? text.split(/\r?\n/) : [];
  return Object.fromEntries(lines.map((line) => line.split(":")).flatMap(([name = "", value]) => [[name, value]]));
}

/** @throws when it does not come to hold; the limit is for a machine under load */
export async function until(what: string, holds: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  for (const end = Date.now() + withinMs; ; await pause(50)) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
  }
}

export async function endAll(nodes: readonly Node[]): Promise<void> {
  await Promise.all(
    nodes.map((node) => {
      // A frozen process takes SIGKILL, but only a thawed one is gone at once on every system.
      node.thaw();
      return node.kill();
    }),
  );
}

export const tlsOf = ({ certificates }: Common) =>
  certificates === undefined ? null : { ca: readFileSync(certificates.ca), checkServerIdentity: () => undefined };
