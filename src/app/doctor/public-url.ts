import type { Settings } from "../../ports/settings.ts";
import { type Finding, fail, pass, warn } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

const NAME = "public URL";

/** Whether people's browsers and Slack would reach `serve`, as far as that can be seen from here. */
export async function checkPublicUrl(s: Pick<Surroundings, "settings" | "fetchJson" | "slack">): Promise<Finding[]> {
  const { publicUrl } = s.settings;
  if (publicUrl === null) return [unset(s.settings, s.slack !== null)];
  const { protocol, hostname } = new URL(publicUrl);
  const isHere = hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
  if (protocol !== "https:" && !isHere)
    return [
      fail(
        NAME,
        `${publicUrl} is not https: no one-time link is made, since a key would travel unencrypted`,
        "Set http.publicUrl to an https address.",
      ),
    ];
  const answer = await s.fetchJson(`${publicUrl}/livez`);
  const asHint = "This may be right where only people's browsers get there; else check ingress, DNS and `serve`.";
  if (answer.status === null)
    return [warn(NAME, `${publicUrl}/livez does not answer from here: ${answer.why}`, asHint)];
  const isOurs =
    typeof answer.json === "object" && answer.json !== null && "status" in answer.json && answer.json.status === "ok";
  if (answer.status === 200 && isOurs) return [pass(NAME, `${publicUrl} answers as Keyturn does`)];
  return [
    warn(NAME, `${publicUrl}/livez answers ${answer.status}${isOurs ? "" : ", but not as Keyturn does"}`, asHint),
  ];
}

function unset({ approvers }: Settings, slack: boolean): Finding {
  if (slack || approvers.oidc.subjects.length + approvers.oidc.groups.length > 0)
    return warn(
      NAME,
      "not set: there are no one-time links and no links to pages",
      "Set http.publicUrl; without it keys are handed over with `keyturn submit`.",
    );
  return pass(NAME, "not set: keys are handed over with `keyturn submit`");
}
