import type { AuditDraft } from "../ports/audit.ts";
import type { ChainWriter } from "../ports/chain.ts";
import type { HoldStore } from "../ports/rotations.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { attemptOf, chainArgs, chainKeys } from "./journal.ts";
import { keysOf } from "./keys.ts";
import { HOLD } from "./lua.ts";
import { run } from "./script.ts";
import { together } from "./together.ts";

/** Holds in Redis; each change and its audit entry are one script (R17). Repeating is safe. */
export function createRedisHolds(given: { redis: RedisClient; install: string; chain: ChainWriter }): HoldStore {
  const { redis, chain } = given;
  const keys = keysOf(given.install);
  const write = (subject: string, value: string, draft: AuditDraft) =>
    chain.write([draft], async (link) =>
      attemptOf(await run(redis, HOLD, [...chainKeys(keys), keys.holds], [subject, value, ...chainArgs(link)])),
    );
  return {
    list: together(async () => {
      const all = await asking(() => redis.hgetall(keys.holds));
      return Object.fromEntries(
        Object.entries(all).map(([subject, json]) => [subject, JSON.parse(json) as { actor: string; at: number }]),
      );
    }),
    set: (subject, actor, draft) => write(subject, JSON.stringify({ actor, at: draft.at }), draft),
    remove: (subject, draft) => write(subject, "", draft),
  };
}
