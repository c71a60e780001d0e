import { findKey, showKey } from "./api-keys.ts";
import type { World } from "./api.ts";
import { VIEW } from "./console.ts";
import type { Route } from "./console.ts";
import { FaultRule } from "./fault-schema.ts";
import { isoTime, makeId } from "./identifiers.ts";
import { InjectUsage, SeedBulk, SeedKeys, SetClock, SettingsPatch, Use } from "./inputs.ts";
import { bulkKeys, makeKey } from "./key-factory.ts";
import type { Event, KeyRow, Settings, UsageEvent } from "./model.ts";
import type { Organization } from "./organization.ts";
import { carryOut } from "./routes.ts";
import { ApiRefusal, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

const DAY = 86_400_000;

/** `/_control/…`: what only a test may do: turn the clock, plant keys and use, inject faults, read the request log. */
export const CONTROL: readonly (readonly [string, RegExp, Route])[] = [
  ["GET", /^\/_control\/state$/, (_call, world) => ok(stateOf(world))],
  ["POST", /^\/_control\/keys$/, seedKeys],
  ["POST", /^\/_control\/keys\/bulk$/, seedBulk],
  ["GET", /^\/_control\/keys\/([^/]+)$/, showHistory],
  ["POST", /^\/_control\/settings$/, changeSettings],
  ["POST", /^\/_control\/clock$/, turnClock],
  ["POST", /^\/_control\/usage$/, injectUsage],
  ["POST", /^\/_control\/use$/, useKey],
  ["GET", /^\/_control\/faults$/, (_call, { faults }) => ok({ faults: faults.list() })],
  ["POST", /^\/_control\/faults$/, addFault],
  ["DELETE", /^\/_control\/faults$/, (_call, { faults }) => (faults.clear(), ok({}))],
  ["DELETE", /^\/_control\/faults\/([^/]+)$/, (_call, { faults }, id) => ok({ removed: faults.remove(id) })],
  ["GET", /^\/_control\/requests$/, requests],
];

function stateOf({ organization, log }: World) {
  return {
    organization: organization.self,
    now: isoTime(organization.now()),
    settings: organization.settings,
    keys: organization.keys.length,
    users: [...organization.users.values()].map(({ id, email, role }) => ({ id, email, role })),
    workspaces: [...organization.workspaces.values()].map(({ id, name }) => ({ id, name })),
    requests: log.last,
  };
}

function seedKeys(call: Call, { organization, source }: World): Reply {
  const made = SeedKeys.parse(call.body).keys.map((input) => makeKey(input, organization, source));
  organization.commit(made.map(({ row }) => ({ t: "key", row })));
  return ok({ keys: made.map(({ row, secret }) => ({ key: showKey(row, organization, VIEW), secret })) });
}

function seedBulk(call: Call, { organization, source }: World): Reply {
  const input = SeedBulk.parse(call.body);
  for (const batch of bulkKeys(input, organization, source)) organization.commit(batch);
  return ok({ count: input.count, lastId: organization.keys.at(-1)?.id ?? null });
}

/** A key with its whole history, and whether it works on live calls right now. */
function showHistory(_call: Call, { organization }: World, id: string): Reply {
  const key = findKey(id, organization);
  const changes = key.changes.map((change) => ({ ...change, at: isoTime(change.at) }));
  return ok({ key: showKey(key, organization, VIEW), answersLive: organization.answersLive(key), changes });
}

function changeSettings(call: Call, { organization }: World): Reply {
  const given = Object.entries(SettingsPatch.parse(call.body)).filter(([, value]) => value !== undefined);
  organization.commit([{ t: "settings", patch: Object.fromEntries(given) as Partial<Settings> }]);
  return ok({ settings: organization.settings });
}

function turnClock(call: Call, { organization, realNow }: World): Reply {
  const input = SetClock.parse(call.body);
  const { clockOffsetMs } = organization.settings;
  let offset: number;
  if ("offsetMs" in input) offset = input.offsetMs;
  else if ("advanceMs" in input) offset = clockOffsetMs + input.advanceMs;
  else offset = Date.parse(input.now) - realNow();
  organization.commit([{ t: "settings", patch: { clockOffsetMs: offset } }]);
  return ok({ now: isoTime(organization.now()), offsetMs: offset });
}

function injectUsage(call: Call, { organization }: World): Reply {
  const { keyId, model, entries, days } = InjectUsage.parse(call.body);
  const workspaceId = keyId === null ? organization.self.defaultWorkspaceId : findKey(keyId, organization).workspaceId;
  const rows: UsageEvent[] = entries.map(({ at, ...counts }) => ({
    keyId,
    model,
    workspaceId,
    at: Date.parse(at),
    ...counts,
  }));
  if (days !== undefined) {
    const { count, endingDaysAgo, ...counts } = days;
    const today = Math.floor(organization.now() / DAY) * DAY;
    for (let ago = endingDaysAgo; ago < endingDaysAgo + count; ago += 1) {
      rows.push({ keyId, model, workspaceId, at: today - ago * DAY + DAY / 2, ...counts });
    }
  }
  organization.commit(rows.map((row): Event => ({ t: "usage", row })));
  return ok({ recorded: rows.length });
}

/** Application calls with a key that is known by id only. They pass no faults, and are logged as simulated. */
function useKey(call: Call, world: World): Reply {
  const { keyId, times, model } = Use.parse(call.body);
  const key = findKey(keyId, world.organization);
  const statuses: Record<string, number> = {};
  for (let done = 0; done < times; done += 1) {
    const status = oneUse(key, model, world);
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  return ok({ statuses });
}

function oneUse(key: KeyRow, model: string, world: World): number {
  const { organization, source } = world;
  const workspace = key.workspaceId === null ? { "anthropic-workspace-id": organization.self.defaultWorkspaceId } : {};
  const call: Call = {
    method: "POST",
    path: "/v1/messages",
    query: new URLSearchParams(),
    headers: { "anthropic-version": VIEW, ...workspace },
    body: { model, max_tokens: 4, messages: [{ role: "user", content: "work" }] },
  };
  let status = 200;
  try {
    carryOut({
      call,
      organization,
      source,
      credential: { kind: "key", row: key },
      twist: { overlap: false, repeat: false },
    });
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    status = error.status;
  }
  logUse(key, status, organization, world);
  return status;
}

function logUse(key: KeyRow, status: number, organization: Organization, { log, realNow, source }: World): void {
  log.add({
    at: isoTime(organization.now()),
    realAt: isoTime(realNow()),
    method: "POST",
    path: "/v1/messages",
    query: "",
    bodyStatus: null,
    bodyName: null,
    credential: "simulated",
    keyId: key.id,
    version: VIEW,
    status,
    outcome: "answered",
    applied: status === 200,
    faults: [],
    requestId: makeId("req", source),
  });
}

function addFault(call: Call, { faults }: World): Reply {
  return ok({ id: faults.add(FaultRule.parse(call.body)) });
}

function requests(call: Call, { log }: World): Reply {
  return ok({ requests: log.since(Number(call.query.get("since") ?? 0)), last: log.last });
}
