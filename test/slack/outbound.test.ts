import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { SecretText } from "../../src/rotation/secret.ts";
import { openSlackOutbound } from "../../src/slack/index.ts";
import { MemoryCardSlots } from "../support/doubles/memory-card-slots.ts";
import { listeningLog } from "../support/quiet-log.ts";
import { HOUR, NOON, aRotation } from "../support/records.ts";
import { slackApi } from "../support/slack-api.ts";
import { turnedClock } from "../support/turned-clock.ts";

it("opening reads no secret, asks nobody and loads nothing of Slack's: commands stay quick", async () => {
  const program = `
    import { createRequire } from "node:module";
    const { openSlackOutbound } = await import("./src/slack/index.ts");
    openSlackOutbound({
      slack: { channel: "C1", teamId: null, cardsAtOnce: 5, escalation: null, apiUrl: null },
      botToken: () => { throw new Error("read"); },
      targetChannels: new Map(), publicUrl: null, approvers: { users: [], groups: [] },
    });
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes("@slack"));
    process.stdout.write(JSON.stringify(loaded));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  expect(stdout).toBe("[]");
});

it("a target's own channel gets its card; a key of no target and all others the common one", async () => {
  const slack = await slackApi();
  try {
    const [keys, billing] = [await slack.channel("keys"), await slack.channel("billing")];
    const clock = turnedClock(NOON);
    const { channel, directory } = openSlackOutbound({
      slack: { channel: keys, teamId: null, cardsAtOnce: 5, escalation: null, apiUrl: slack.url },
      botToken: () => SecretText.from(slack.token),
      targetChannels: new Map([["billing", billing]]),
      publicUrl: null,
      dashboard: false,
      approvers: { users: [], groups: [] },
      issueLink: () => Promise.resolve(null),
      load: () => Promise.resolve(null),
      slots: new MemoryCardSlots(),
      leases: { acquire: () => Promise.reject(new Error("no digest is needed")) },
      clock,
      log: listeningLog(),
    });
    for (const target of ["billing", "reports", null]) {
      const rotation = aRotation({ id: `rot_${target}`, target });
      const said = await channel.deliver({ rotation, holds: [], now: NOON, auditHead: null }, null, () =>
        Promise.resolve(),
      );
      expect(said).toEqual({ nextAt: NOON + 36 * HOUR });
    }
    expect([(await slack.messages(billing)).length, (await slack.messages(keys)).length]).toEqual([1, 2]);
    expect(await directory.teamId()).toBe("T000000001");
  } finally {
    await slack.stop();
  }
});

describe("the manifests", () => {
  const read = async (name: string) =>
    parse(await readFile(new URL(`../../docs/slack/manifest-${name}.yaml`, import.meta.url), "utf8")) as Manifest;
  interface Manifest {
    features: { slash_commands: { command: string; url?: string }[] };
    oauth_config: { scopes: { bot: string[] } };
    settings: { interactivity: { is_enabled: boolean; request_url?: string }; socket_mode_enabled: boolean };
  }

  it("ask for the least: nothing is read, nothing joined", async () => {
    for (const name of ["http", "socket"])
      expect((await read(name)).oauth_config.scopes.bot).toEqual([
        "chat:write",
        "commands",
        "im:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
      ]);
  });

  it("name the addresses that are served, or none over Socket Mode", async () => {
    const [http, socket] = [await read("http"), await read("socket")];
    expect(http.features.slash_commands[0]?.url).toBe("https://keyturn.example.com/slack/commands");
    expect(http.settings.interactivity.request_url).toBe("https://keyturn.example.com/slack/interactions");
    expect(http.settings.socket_mode_enabled).toBe(false);
    expect(JSON.stringify(socket)).not.toContain("https://");
    expect(socket.settings).toMatchObject({ socket_mode_enabled: true, interactivity: { is_enabled: true } });
  });
});
