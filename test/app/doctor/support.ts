import type { SlackPatient, Surroundings } from "../../../src/app/doctor/surroundings.ts";
import type { KeyAdmin } from "../../../src/ports/key-admin.ts";
import { NOON } from "../../support/records.ts";
import { someSettings } from "../../support/settings.ts";
import { MemoryStore } from "../../support/doubles/memory-store.ts";
import { makeKey } from "../../support/keys.ts";
import { type TurnedClock, turnedClock } from "../../support/turned-clock.ts";

/** Where everything is well; a test breaks one thing. */
export interface Ward {
  clock: TurnedClock;
  store: MemoryStore;
  surroundings(more?: Partial<Surroundings>): Surroundings;
}

export function ward(): Ward {
  const clock = turnedClock(NOON);
  const store = new MemoryStore();
  store.put("billing.env", { ANTHROPIC_API_KEY: makeKey("billing") });
  const admin: Partial<KeyAdmin> = {
    organization: () => Promise.resolve({ value: { id: "org_1", name: "Example" }, serverTime: clock.now() }),
    listKeys: async function* () {
      yield [];
    },
  };
  const well: Surroundings = {
    clock,
    settings: someSettings(),
    configuration: { file: "/etc/keyturn.yaml", stores: ["files"], warnings: [] },
    secrets: [],
    redis: () =>
      Promise.resolve({
        where: "redis:6379",
        topology: "standalone",
        processes: () => Promise.resolve([]),
        lastScan: () => Promise.resolve(clock.now()),
        product: () => Promise.resolve({ name: "redis", version: "7.2.4" }),
        safety: () => Promise.resolve([]),
        time: () => Promise.resolve(clock.now()),
        workers: () => Promise.resolve(1),
      }),
    admin: admin as KeyAdmin,
    oneHost: { host: "here", stores: [] },
    stores: { of: () => Promise.resolve(store), close: () => Promise.resolve() },
    audit: {
      file: null,
      log: true,
      writable: () => Promise.resolve({ exists: false }),
      verify: () => Promise.reject(new Error("not asked")),
      head: () => Promise.resolve(null),
    },
    slack: null,
    decidingTokens: [],
    oidc: false,
    webhooks: [],
    fetchJson: () => Promise.resolve({ status: 200, json: { status: "ok" } }),
    schedule: { mode: "embedded", scan: "0 9 * * *", previousAt: () => clock.now(), longestPauseMs: () => 86_400_000 },
  };
  return { clock, store, surroundings: (more = {}) => ({ ...well, ...more }) };
}

/** A Slack that answers each method as given. */
export const slackOf = (
  answers: Record<string, Record<string, unknown> | Error>,
  more: Partial<SlackPatient> = {},
): SlackPatient => ({
  directory: {
    teamId: () => Promise.resolve("T0TEAM"),
    member: () => Promise.resolve(null),
    groupMembers: () => Promise.resolve([]),
  },
  call: (method) => {
    const answer = answers[method] ?? new Error(method);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  },
  appCall: null,
  teamId: null,
  appId: null,
  channels: [],
  ...more,
});
