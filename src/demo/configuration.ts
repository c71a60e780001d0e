import { writeFileSync } from "node:fs";
import { PROJECT, SECRET } from "./google.ts";
import { FIELD, type Folder, TARGET, YOUNG_TARGET } from "./folder.ts";

/** What the demo compresses, beside what a production installation has. */
export const COMPRESSED = { maxAgeDays: 90, gracePeriodMs: 4000, quietForMs: 3000 } as const;

/** A quoted JSON string is a quoted YAML string, whatever is in the path. */
const quoted = (text: string): string => JSON.stringify(text);

/** Where the simulated services are. */
export interface Addresses {
  baseUrl: string;
  /** host:port of the secrets manager. */
  google: string;
}

/** How people are reached; without it they decide on the command line alone. */
export interface PeopleConfig {
  slack: { apiUrl: string; botToken: string; signingSecret: string; channel: string; teamId: string; appId: string };
  /** The user group that may approve. */
  group: string;
  signInToken: string;
  /** Of the pages. */
  port: number;
}

function peopleText(folder: Folder, people: PeopleConfig | null): string {
  if (people === null)
    return `approvers: { cli: ["*"] }
http: { host: 127.0.0.1, port: 0, metricsPort: 0 }
`;
  const { slack, group, port } = people;
  return `approvers: { slack: { groups: [${group}] }, cli: ["*"] }
slack:
  botToken: ${quoted(`file:${folder.slackTokenFile}`)}
  signingSecret: ${quoted(`file:${folder.slackSecretFile}`)}
  channel: ${slack.channel}
  teamId: ${slack.teamId}
  appId: ${slack.appId}
  apiUrl: ${quoted(slack.apiUrl)} # simulated; without this line: Slack's own
signIn: { token: ${quoted(`file:${folder.signInFile}`)} }
http: { host: 127.0.0.1, port: ${port}, metricsPort: 0, publicUrl: "http://127.0.0.1:${port}" }
`;
}

/** The configuration of the demo: the real schema, read by the real loader. */
export function configText(folder: Folder, { baseUrl, google }: Addresses, people: PeopleConfig | null = null): string {
  return `# Written by \`npm run demo\`. Time is compressed here and nowhere else; production values are beside it.
install: demo
anthropic:
  adminKey: ${quoted(`file:${folder.adminKeyFile}`)}
  baseUrl: ${quoted(baseUrl)} # the sandbox; production: https://api.anthropic.com
  requestsPerMinute: 6000 # production: 300
redis: { embedded: ${quoted(folder.redis)} }
policy:
  maxAge: ${COMPRESSED.maxAgeDays}d
  gracePeriod: ${COMPRESSED.gracePeriodMs / 1000}s # production: 7d
  drain: { quietFor: ${COMPRESSED.quietForMs / 1000}s, limit: 1h } # production: 24h, 7d
  replacementWithin: 8h # production: 7d
  approval: { required: true, approvals: 1, expiresAfter: 8h } # production: 3d
stores:
  files: { type: dotenv-file, directory: ${quoted(folder.dir)} }
  google: { type: google-secret-manager, project: ${PROJECT}, endpoint: ${quoted(google)}, insecure: true } # simulated
targets:
  ${TARGET}:
    destinations: # one key in two places: both hold the replacement before the old key goes
      - { store: files, secret: app.env, field: ${FIELD} }
      - { store: google, secret: ${SECRET}, field: ${FIELD} }
  ${YOUNG_TARGET}:
    destinations: [{ store: files, secret: reports.env, field: ${FIELD} }]
audit: { file: ${quoted(folder.auditFile)}, log: false }
${peopleText(folder, people)}`;
}

export function writeConfig(
  folder: Folder,
  addresses: Addresses,
  adminKey: string,
  people: PeopleConfig | null = null,
): void {
  const write = (file: string, text: string) => writeFileSync(file, text, { mode: 0o600 });
  write(folder.adminKeyFile, `${adminKey}\n`);
  write(folder.configFile, configText(folder, addresses, people));
  if (people === null) return;
  write(folder.slackTokenFile, `${people.slack.botToken}\n`);
  write(folder.slackSecretFile, `${people.slack.signingSecret}\n`);
  write(folder.signInFile, `${people.signInToken}\n`);
}
