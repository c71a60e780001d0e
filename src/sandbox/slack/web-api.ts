import { blockProblems, viewProblems } from "./block-limits.ts";
import { type Json, type Message, type Person, asText, isObject } from "./model.ts";
import { APP_ID, BOT, TEAM, type Workspace, withBlockIds } from "./workspace.ts";

/** A refusal in Slack's form: status 200, `ok: false`, a word. */
export class SlackRefusal extends Error {
  readonly more: Json;
  constructor(error: string, more: Json = {}) {
    super(error);
    this.more = more;
  }
}

type Method = (args: Json, workspace: Workspace) => Json;

/**
 * The Web API methods that Keyturn uses, with Slack's own words for what is wrong.
 * @see https://docs.slack.dev/reference/methods
 */
export const METHODS: Readonly<Record<string, Method>> = {
  "auth.test": () => ({
    url: `https://${TEAM.domain}.slack.example/`,
    team: TEAM.domain,
    user: BOT.name,
    team_id: TEAM.id,
    user_id: BOT.id,
    bot_id: `B${BOT.id.slice(1)}`,
    is_enterprise_install: false,
  }),

  "chat.postMessage": (args, workspace) => {
    const channel = channelOf(args, workspace);
    const content = contentOf(args);
    const threadTs = asText(args["thread_ts"]) || null;
    if (threadTs !== null && workspace.find(channel, threadTs) === null) throw new SlackRefusal("message_not_found");
    const metadata = objectArg(args["metadata"]);
    const broadcast = threadTs !== null && truth(args["reply_broadcast"]);
    const message = workspace.post({ channel, ...content, threadTs, broadcast, metadata });
    return { channel, ts: message.ts, message: wire(message) };
  },

  "chat.update": (args, workspace) => {
    const channel = channelOf(args, workspace);
    const message = workspace.find(channel, asText(args["ts"]));
    if (message === null || message.onlyFor !== null) throw new SlackRefusal("message_not_found");
    // Blocks that are not given stay as they are.
    const content = args["blocks"] === undefined ? { text: asText(args["text"]) || message.text } : contentOf(args);
    Object.assign(message, content, { editedTs: workspace.ts(), trouble: null });
    const metadata = objectArg(args["metadata"]);
    if (metadata !== null) message.metadata = metadata;
    workspace.changed();
    return { channel, ts: message.ts, text: message.text, message: wire(message) };
  },

  "chat.postEphemeral": (args, workspace) => {
    const channel = channelOf(args, workspace);
    const onlyFor = personOf(args["user"], workspace).id;
    const threadTs = asText(args["thread_ts"]) || null;
    const message = workspace.post({ channel, ...contentOf(args), onlyFor, threadTs });
    return { message_ts: message.ts };
  },

  "chat.getPermalink": (args, workspace) => {
    const channel = channelOf(args, workspace);
    const ts = asText(args["message_ts"]);
    if (workspace.find(channel, ts) === null) throw new SlackRefusal("message_not_found");
    return { channel, permalink: `https://${TEAM.domain}.slack.example/archives/${channel}/p${ts.replace(".", "")}` };
  },

  "conversations.open": (args, workspace) => {
    const [first, ...others] = (asText(args["users"]) || asText(args["channel"])).split(",");
    if (first === undefined || first === "") throw new SlackRefusal("users_list_not_supplied");
    if (others.length > 0) throw new SlackRefusal("method_not_supported_for_channel_type");
    const channel = workspace.directMessages(personOf(first, workspace).id);
    return { channel: { id: channel.id } };
  },

  "users.info": (args, workspace) => ({ user: showPerson(personOf(args["user"], workspace)) }),

  "usergroups.users.list": (args, workspace) => {
    const users = workspace.groups.get(asText(args["usergroup"]));
    if (users === undefined) throw new SlackRefusal("no_such_subteam");
    return { users: [...users] };
  },

  "views.open": (args, workspace) => {
    const view = objectArg(args["view"]);
    if (view === null) throw new SlackRefusal("invalid_arguments");
    const problems = viewProblems(view);
    if (problems.length > 0) throw new SlackRefusal("invalid_arguments", { response_metadata: { messages: problems } });
    const trigger = workspace.redeem(asText(args["trigger_id"]));
    if ("error" in trigger) throw new SlackRefusal(trigger.error);
    const shown = workspace.show(trigger.personId, view);
    return { view: { ...shown.view, id: shown.id, hash: shown.hash, team_id: TEAM.id, app_id: APP_ID } };
  },
};

/** One call, in Slack's envelope. @param token from the header or the body; null: none */
export function callMethod(
  name: string,
  args: Json,
  given: { workspace: Workspace; token: string | null; botToken: string },
): Json {
  try {
    const method = METHODS[name];
    if (method === undefined) throw new SlackRefusal("unknown_method", { req_method: name });
    if (given.token === null) throw new SlackRefusal("not_authed");
    if (given.token !== given.botToken) throw new SlackRefusal("invalid_auth");
    return { ok: true, ...method(args, given.workspace) };
  } catch (error) {
    if (!(error instanceof SlackRefusal)) throw error;
    return { ok: false, error: error.message, ...error.more };
  }
}

/** A message as payloads and answers have it. */
export const wire = (message: Message): Json => ({
  type: "message",
  user: BOT.id,
  bot_id: `B${BOT.id.slice(1)}`,
  app_id: APP_ID,
  team: TEAM.id,
  ts: message.ts,
  text: message.text,
  blocks: message.blocks,
  ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
  ...(message.metadata === null ? {} : { metadata: message.metadata }),
  ...(message.editedTs === null ? {} : { edited: { user: BOT.id, ts: message.editedTs } }),
});

const showPerson = ({ id, name, realName, email, flags }: Person): Json => ({
  id,
  team_id: TEAM.id,
  name,
  deleted: false,
  real_name: realName,
  tz: "UTC",
  profile: { real_name: realName, display_name: name, email },
  is_admin: false,
  is_owner: false,
  is_restricted: false,
  is_ultra_restricted: false,
  is_bot: false,
  is_app_user: false,
  ...flags,
});

function channelOf(args: Json, workspace: Workspace): string {
  const channel = workspace.channel(asText(args["channel"]));
  if (channel === null) throw new SlackRefusal("channel_not_found");
  return channel.id;
}

function personOf(id: unknown, workspace: Workspace): Person {
  const person = workspace.people.get(asText(id));
  if (person === undefined) throw new SlackRefusal("user_not_found");
  return person;
}

/** Text and blocks of a message. @throws SlackRefusal when Slack would not take them */
export function contentOf(args: Json): { text: string; blocks: Json[] } {
  const text = asText(args["text"]);
  const blocks = parsed(args["blocks"]) ?? [];
  if (!Array.isArray(blocks)) throw new SlackRefusal("invalid_blocks_format");
  if (text === "" && blocks.length === 0) throw new SlackRefusal("no_text");
  if (text.length > 40_000) throw new SlackRefusal("msg_too_long");
  const problems = blockProblems(blocks, "message");
  if (problems.length > 0)
    throw new SlackRefusal("invalid_blocks", { errors: problems, response_metadata: { messages: problems } });
  return { text, blocks: withBlockIds({ blocks: blocks as Json[] }).blocks };
}

/** Objects come as JSON in a form field, or as they are in a JSON body. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    throw new SlackRefusal("invalid_arguments");
  }
}

function objectArg(value: unknown): Json | null {
  const read = value === undefined ? null : parsed(value);
  return isObject(read) ? read : null;
}

const truth = (value: unknown): boolean => value === true || value === "true" || value === "1";
