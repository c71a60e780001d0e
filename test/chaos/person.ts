import { setTimeout as sleep } from "node:timers/promises";
import { ACTION } from "../../src/slack/actions.ts";
import { keyturn } from "../support/cli.ts";
import { type Answer, type Shown, ask, isDone, isRefused } from "./api.ts";
import type { Deed } from "./check/evidence.ts";
import type { Random } from "./random.ts";
import type { Site } from "./site.ts";
import type { TargetPlan } from "./targets.ts";

/** So many command lines at a time: each is a connection to Redis of its own. */
const COMMANDS_AT_ONCE = 4;
let commandsRunning = 0;

/** What one person can do, and how it is noted for the checker. */
export interface Person {
  approve(r: Shown): Promise<void>;
  decide(r: Shown, what: "reject" | "cancel" | "retry" | "reinstate"): Promise<void>;
  proceed(r: Shown): Promise<void>;
  revoke(key: string): Promise<void>;
  hold(subject: string): Promise<boolean>;
  lift(subject: string): Promise<boolean>;
  /** Makes a key in the Console. */
  makeKey(): Promise<string>;
  disable(key: string): Promise<void>;
  /** @returns whether it was accepted */
  submit(r: Shown, key: string): Promise<"accepted" | "refused" | "unknown">;
  /** Writes it into the manager itself (way a). */
  stage(r: Shown, key: string): Promise<void>;
}

export function personFor(site: Site, target: TargetPlan, random: Random): Person {
  const { name } = target;
  let made = 1;
  const noted = async <A extends Answer>(
    deed: (from: number, at: number) => Deed,
    work: () => Promise<A>,
  ): Promise<A> => {
    const from = Date.now();
    const answer = await work();
    // Without an answer it may have been done.
    if (!isRefused(answer)) site.did(deed(from, Date.now()));
    return answer;
  };
  const post = (path: string, body?: object): Promise<Answer> => ask(site, random, "POST", path, body);

  /** On a card, as Slack sends it to whichever replica answers. */
  async function click(r: Shown): Promise<boolean> {
    const card = site.slack.messages().findLast((m) => JSON.stringify(m.blocks).includes(`"value":"${r.id}|`));
    if (card === undefined) return false;
    const who = random.pick([site.slack.people.ana, site.slack.people.ben]);
    try {
      const delivery = await site.slack.click({ as: who.id, actionId: ACTION.approve, ts: card.ts });
      site.timeline.note("slack.click", { rotation: r.id, status: delivery.status });
      return true;
    } catch {
      return false; // the card shows no such button any more
    }
  }

  async function command(...args: string[]): ReturnType<typeof keyturn> {
    while (commandsRunning >= COMMANDS_AT_ONCE) await sleep(50);
    commandsRunning += 1;
    try {
      return await keyturn([...args, "--json", "--config", site.configFile]);
    } finally {
      commandsRunning -= 1;
    }
  }

  return {
    approve: async (r) => {
      // Before it is sent: a call may follow before the answer is here.
      site.did({ kind: "approved", from: Date.now(), at: Date.now(), target: name, rotation: r.id });
      if (random.chance(0.4) && (await click(r))) return;
      const answer = await post(`/rotations/${r.id}/approve`, { planHash: r.planHash });
      if (!isDone(answer)) site.timeline.note("people.not_done", { what: "approve", rotation: r.id, ...answer });
    },
    decide: async (r, what) => {
      const kind = what === "reinstate" ? "reinstated" : "cancelled";
      const work = () => post(`/rotations/${r.id}/${what}`);
      const answer = await (what === "retry"
        ? work()
        : noted((from, at) => ({ kind, from, at, target: name, rotation: r.id }), work));
      if (!isDone(answer)) site.timeline.note("people.not_done", { what, rotation: r.id, ...answer });
    },
    proceed: async (r) => {
      const from = Date.now();
      const ran = await command("proceed", r.id, "--reason", "chaos");
      if (ran.code === 0) site.did({ kind: "proceeded", from, at: Date.now(), target: name, rotation: r.id });
      else site.timeline.note("people.not_done", { what: "proceed", rotation: r.id, code: ran.code, said: ran.stdout });
    },
    revoke: async (key) => {
      const answer = await noted(
        (from, at) => ({ kind: "revoked", from, at, target: name, key }),
        () => post("/revocations", { subject: key }),
      );
      if (!isDone(answer)) site.timeline.note("people.not_done", { what: "revoke", key, ...answer });
    },
    hold: async (subject) => {
      const from = Date.now();
      const answer = await post("/holds", { subject });
      if (isDone(answer)) site.did({ kind: "held", from, at: Date.now(), target: name, subject });
      else site.timeline.note("people.not_done", { what: "hold", subject, ...answer });
      return !isRefused(answer);
    },
    lift: async (subject) => {
      const from = Date.now();
      site.did({ kind: "lifted", from, at: from, target: name, subject });
      const answer = await post(`/holds/${subject}/lift`);
      if (!isDone(answer)) site.timeline.note("people.not_done", { what: "lift", subject, ...answer });
      return isDone(answer);
    },
    makeKey: async () => {
      made += 1;
      const { key, secret } = await site.console.createKey({ name: `${name}-${made}` });
      site.texts.set(key.id, secret);
      return key.id;
    },
    disable: async (key) => {
      const from = Date.now();
      site.did({ kind: "disabled", from, at: from, target: name, key });
      await site.console.disableKey(key).catch(() => undefined);
    },
    submit: async (r, key) => {
      const from = Date.now();
      site.did({ kind: "staged", from, at: from, target: name, rotation: r.id, key });
      while (commandsRunning >= COMMANDS_AT_ONCE) await sleep(50);
      commandsRunning += 1;
      const args = ["submit", r.id, "--json", "--config", site.configFile];
      const ran = await keyturn(args, `${site.texts.get(key)}\n`).finally(() => (commandsRunning -= 1));
      if (ran.code === 0) {
        site.did({ kind: "accepted", from, at: Date.now(), target: name, rotation: r.id, key });
        return "accepted";
      }
      site.timeline.note("people.not_done", { what: "submit", rotation: r.id, key, code: ran.code, said: ran.stdout });
      return ran.code === 65 ? "refused" : "unknown";
    },
    stage: async (r, key) => {
      const from = Date.now();
      site.did({ kind: "staged", from, at: from, target: name, rotation: r.id, key });
      const [dest] = target.destinations;
      if (dest !== undefined) await site.places[dest.store]?.stage?.(dest, site.texts.get(key) ?? "");
    },
  };
}
