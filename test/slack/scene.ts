import { afterEach } from "vitest";
import type { Rotation } from "../../src/rotation/record.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { type MemoryDirectory, memoryDirectory } from "../support/doubles/memory-directory.ts";
import type { Drive } from "../support/drive.ts";
import { drives } from "../support/drives.ts";
import { eventually } from "../support/quiet-log.ts";
import { type ClickFields, type Signing, type SlackRig, aClick, slackRig, valueOf } from "./rig.ts";

/** A rotation that waits for approval, and everybody around it. */
export interface Scene {
  d: Drive;
  rig: SlackRig;
  directory: MemoryDirectory;
  r: Rotation;
  /** Clicks, and returns what the person was answered; null: nothing, since the request was refused outright. */
  click(fields: Partial<ClickFields>, signing?: Signing): Promise<string | null>;
  /** `action reason-or-code actor` of every refusal on record, oldest first. */
  refusals(): Promise<string[]>;
  state(): Promise<string>;
}

export const GROUP = "S0ONCALL";
const POLICY = {
  maxAge: "90d",
  gracePeriod: "1s",
  drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true },
  replacementWithin: "1h",
};

/** Of one test file; what was started ends with each test. */
export function scenes(): {
  scene(given?: { approvals?: number; fourEyes?: boolean }): Promise<Scene>;
  rigOf(...given: Parameters<typeof slackRig>): Promise<SlackRig>;
} {
  const start = drives();
  const rigs: SlackRig[] = [];
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.close();
  });
  const rigOf = async (...given: Parameters<typeof slackRig>): Promise<SlackRig> => {
    const rig = await slackRig(...given);
    rigs.push(rig);
    return rig;
  };
  const scene = async (given: { approvals?: number; fourEyes?: boolean } = {}): Promise<Scene> => {
    const approval = { required: true, approvals: given.approvals ?? 1, expiresAfter: "1h" };
    const d = await start({ config: { policy: { ...POLICY, approval } } });
    const directory = memoryDirectory(["U0BEN", "U0EVE", "U0GROUPIE", "U0OUTSIDER"]);
    directory.groups.set(GROUP, ["U0GROUPIE"]);
    d.deps.directory = directory;
    d.deps.settings.approvers = {
      ...d.deps.settings.approvers,
      cli: ["*"],
      slack: { users: ["U0BEN", "U0EVE"], groups: [GROUP] },
      fourEyes: given.fourEyes ?? false,
    };
    d.deps.settings.publicUrl = "https://keyturn.example";
    const rig = await rigOf(d.deps);
    const r = await d.open();
    const found: Scene = {
      d,
      rig,
      directory,
      r,
      click: async (fields, signing) => {
        const before = rig.box.posts.length;
        const payload = aClick(rig.box, { action: ACTION.approve, value: valueOf(r), card: r.id, ...fields });
        const { status } = await rig.interact(payload, signing);
        if (status !== 200) return null;
        await eventually(() => rig.box.posts.length > before);
        return rig.box.posts.at(-1)?.text ?? "";
      },
      refusals: async () =>
        (await d.audit())
          .filter((e) => e.action === "decision.refused" || e.action === "click.refused")
          .map((e) => `${e.action} ${String(e.evidence["reason"] ?? e.evidence["code"])} ${e.actor}`),
      state: async () => (await d.load(r.id)).state,
    };
    return found;
  };
  return { scene, rigOf };
}
