import type { LoadedConfig } from "../../config/load.ts";
import { resolveSecret } from "../../config/secrets.ts";
import type { SlackPatient } from "../app/doctor/surroundings.ts";
import { createDirectory } from "../slack/directory.ts";
import { createWebClient } from "../slack/web-client.ts";

/** Slack as the configuration has it; null without. Nothing is read or called before it is used. */
export function slackPatient({ config }: LoadedConfig): SlackPatient | null {
  const { slack } = config;
  if (slack === undefined) return null;
  const apiUrl = slack.apiUrl ?? null;
  const client = createWebClient({ token: () => resolveSecret(slack.botToken, "slack.botToken"), apiUrl });
  const { appToken } = slack;
  const app =
    appToken === undefined ? null : createWebClient({ token: () => resolveSecret(appToken, "slack.appToken"), apiUrl });
  const named: [string, string | undefined][] = [
    ["slack.channel", slack.channel],
    ["slack.escalation.channel", slack.escalation?.channel],
    ...Object.entries(config.targets).map(([name, { channel }]): [string, string | undefined] => [
      `targets.${name}.channel`,
      channel,
    ]),
  ];
  const channels = new Map<string, string>();
  for (const [path, id] of named) if (id !== undefined && !channels.has(id)) channels.set(id, path);
  return {
    directory: createDirectory(client, { teamId: slack.teamId ?? null }),
    // 10 s and no repeats: a check has no more time.
    call: (method, args) => client.call(method, args, "post"),
    appCall: app === null ? null : (method) => app.call(method, {}, "post"),
    teamId: slack.teamId ?? null,
    appId: slack.appId ?? null,
    channels: [...channels].map(([id, path]) => ({ id, path })),
  };
}
