import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EFFECTS } from "../../src/app/effects/index.ts";
import { startApplication } from "./application.ts";
import { checkEnding } from "./checks.ts";
import { readKillPoints, tableOf, writeKillPoints } from "./document.ts";
import { type Ground, inLanes, startGround } from "./ground.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import { makeSite, restart } from "./site.ts";
import { type Said, type Strike, dieAt, killAll, record } from "./victim.ts";

type Call = Extract<Said, { event: "call" }>;
const stateOf = (call: Call): string => call.name.slice(0, call.name.indexOf("/"));

let ground: Ground;
/** What a worker that is left alone does in each scenario: every call of it is a place to die. */
const recorded = new Map<Scenario, Call[]>();

beforeAll(async () => {
  ground = await startGround();
  await inLanes("recording", SCENARIOS, async (scenario) => {
    const site = await makeSite(ground, scenario.options);
    const { id, replacementId } = await site.within((app) => scenario.prepare(site, app));
    const application = scenario.answers ? startApplication(site) : null;
    try {
      recorded.set(scenario, await record(site));
    } finally {
      await application?.stop();
    }
    await checkEnding(site, id, replacementId, scenario.ending);
  });
});
afterAll(async () => {
  killAll();
  await ground.close();
});

/** One death at one place, a restart, and the end that a life without it has. */
async function dieAndRestart(scenario: Scenario, strikes: readonly Strike[]): Promise<void> {
  const site = await makeSite(ground, scenario.options);
  const { id, replacementId } = await site.within((app) => scenario.prepare(site, app));
  const application = scenario.answers ? startApplication(site) : null;
  try {
    for (const strike of strikes) await dieAt(site, strike);
    await restart(site);
  } finally {
    await application?.stop();
  }
  await checkEnding(site, id, replacementId, scenario.ending);
}

const callsOf = (scenario: Scenario): Call[] =>
  (recorded.get(scenario) ?? []).filter((call) => stateOf(call) !== "start" && scenario.places(stateOf(call)));

describe("P7: killed before and after every writing call, then restarted", () => {
  it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    "%s",
    { timeout: 600_000 },
    async (name, scenario) => {
      const calls = callsOf(scenario);
      expect(calls.length).toBeGreaterThan(3);
      const cases = calls.flatMap((call) =>
        (["before", "after"] as const).map((when) => ({
          name: `${name}, ${when} ${call.name}#${call.count}`,
          strike: { at: `${call.name}#${call.count}`, when },
        })),
      );
      await inLanes(name, cases, ({ strike }) => dieAndRestart(scenario, [strike]));
    },
  );
});

describe("P7: killed in the middle of a writing call, then restarted", () => {
  it("one millisecond after each kind of call began", { timeout: 300_000 }, async () => {
    const [whole] = SCENARIOS as [Scenario, ...Scenario[]];
    const names = [...new Set(callsOf(whole).map((call) => call.name))].filter((name) =>
      /store|admin|commit/.test(name),
    );
    const cases = names.map((name) => ({ name, strike: { at: `${name}#1`, when: "during", afterMs: 1 } as const }));
    expect(cases.length).toBeGreaterThan(20);
    await inLanes("in the middle", cases, ({ strike }) => dieAndRestart(whole, [strike]));
  });
});

describe("P7: the list of kill points", () => {
  const all = () => SCENARIOS.flatMap(callsOf);

  it("every effect has kill points", () => {
    const seen = new Set(all().map((call) => call.effect));
    expect(Object.keys(EFFECTS).filter((effect) => !seen.has(effect as Call["effect"]))).toEqual([]);
  });

  it("docs/promises.md lists exactly the calls that workers make (UPDATE_KILL_POINTS=1 rewrites its table)", async () => {
    const table = tableOf(all().map((call) => call.name));
    if (process.env["UPDATE_KILL_POINTS"] === "1") await writeKillPoints(table);
    expect(await readKillPoints()).toEqual(table);
  });
});

it("P5: no key outside the cases' own was ever changed", async () => {
  const calls = (await ground.console.requests()).filter(
    (r) => r.method === "POST" && r.path.startsWith("/v1/organizations/api_keys/"),
  );
  expect(calls.length).toBeGreaterThan(100);
  expect(calls.filter((r) => !ground.mayChange.has(r.path.slice(r.path.lastIndexOf("/") + 1)))).toEqual([]);
});
