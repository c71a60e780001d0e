import { createHmac } from "node:crypto";
import { type Json, type Message, type Person, asObjects, asText, isObject } from "./model.ts";
import { contentOf, wire } from "./web-api.ts";
import { APP_ID, TEAM, type Workspace } from "./workspace.ts";

/** Slack shows a warning when the app has not answered by then. */
const ANSWER_MS = 3000;

export interface Outgoing {
  workspace: Workspace;
  signingSecret: string;
  interactionsUrl: () => string;
  commandsUrl: () => string;
  /** Where answers are taken, by id. */
  responseAddress: (id: string) => string;
}

/** What the app made of it. `status` null: no answer in time, or none at all. */
export interface Delivery {
  status: number | null;
  body: string;
}

/** The signature of a body, as Slack makes it (https://docs.slack.dev/authentication/verifying-requests-from-slack). */
export const signatureOf = (secret: string, timestamp: number, body: string): string =>
  `v0=${createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex")}`;

async function deliver(url: string, form: URLSearchParams, to: Outgoing): Promise<Delivery> {
  const body = form.toString();
  const timestamp = Math.floor(to.workspace.now() / 1000);
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "Slackbot 1.0 (simulated)",
        "x-slack-request-timestamp": String(timestamp),
        "x-slack-signature": signatureOf(to.signingSecret, timestamp, body),
      },
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch {
    return { status: null, body: "" };
  }
}

/** A click on, or a choice in, an element of a message. */
export interface Click {
  person: Person;
  message: Message;
  blockId: string;
  actionId: string;
  /** The chosen option's value, or the chosen person's id; for a button, nothing. */
  choice?: string;
}

/** Sends `block_actions`. What goes wrong is shown at the message, as Slack does. */
export async function sendClick(click: Click, to: Outgoing): Promise<Delivery> {
  const { person, message } = click;
  const found = elementOf(message, click.blockId, click.actionId);
  if (found === null) return { status: null, body: "there is no such element" };
  const channel = to.workspace.channel(message.channel);
  const container = {
    type: "message",
    message_ts: message.ts,
    channel_id: message.channel,
    is_ephemeral: message.onlyFor !== null,
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
  };
  const delivery = await deliver(
    to.interactionsUrl(),
    payload({
      type: "block_actions",
      user: userOf(person),
      ...FROM,
      container,
      trigger_id: to.workspace.trigger(person.id),
      channel: { id: message.channel, name: channel?.personId === null ? channel.name : "directmessage" },
      // Messages for one person alone come without their content.
      ...(message.onlyFor === null ? { message: wire(message) } : {}),
      state: { values: {} },
      response_url: to.responseAddress(to.workspace.responseUrl(person.id, message.channel, message)),
      actions: [actionOf(found, click, to.workspace.ts())],
    }),
    to,
  );
  message.trouble = delivery.status === 200 ? null : `${person.realName}'s click got no answer. Try again.`;
  to.workspace.changed();
  return delivery;
}

/** Sends `view_submission` and does what the answer says: closes, shows errors, or another view. */
export async function sendSubmission(person: Person, values: Json, to: Outgoing): Promise<Delivery> {
  const shown = to.workspace.viewOf(person.id);
  if (shown === null) return { status: null, body: "there is no open modal" };
  const view = {
    ...shown.view,
    id: shown.id,
    hash: shown.hash,
    team_id: TEAM.id,
    app_id: APP_ID,
    root_view_id: shown.id,
    previous_view_id: null,
    state: { values },
  };
  const form = payload({
    type: "view_submission",
    user: userOf(person),
    ...FROM,
    trigger_id: to.workspace.trigger(person.id),
    view,
    response_urls: [],
  });
  const delivery = await deliver(to.interactionsUrl(), form, to);
  const answer = objectIn(delivery.body);
  if (delivery.status !== 200) shown.errors = { "": "We had some trouble connecting. Try again?" };
  else if (answer?.["response_action"] === "errors") shown.errors = (answer["errors"] ?? {}) as Record<string, string>;
  else if (isObject(answer?.["view"])) to.workspace.show(person.id, answer["view"]);
  else to.workspace.close(person.id);
  to.workspace.changed();
  return delivery;
}

/** Sends a slash command; the answer, if it has words, is for the person alone. */
export async function sendCommand(person: Person, channel: string, line: string, to: Outgoing): Promise<Delivery> {
  const [command = "", ...rest] = line.trim().split(/\s+/);
  const form = new URLSearchParams({
    token: "deprecated",
    team_id: TEAM.id,
    team_domain: TEAM.domain,
    channel_id: channel,
    channel_name: to.workspace.channel(channel)?.name ?? "",
    user_id: person.id,
    user_name: person.name,
    command,
    text: rest.join(" "),
    api_app_id: APP_ID,
    is_enterprise_install: "false",
    response_url: to.responseAddress(to.workspace.responseUrl(person.id, channel, null)),
    trigger_id: to.workspace.trigger(person.id),
  });
  const delivery = await deliver(to.commandsUrl(), form, to);
  if (delivery.status !== 200) {
    const why = delivery.status === null ? "operation_timeout" : "dispatch_failed";
    to.workspace.post({ channel, blocks: [], onlyFor: person.id, text: `${command} failed with the error "${why}"` });
  } else if (delivery.body !== "") {
    const answer = objectIn(delivery.body);
    const content = answer === null ? { text: delivery.body, blocks: [] } : contentOf(answer);
    const onlyFor = answer?.["response_type"] === "in_channel" ? null : person.id;
    to.workspace.post({ channel, ...content, onlyFor });
  }
  return delivery;
}

/** An answer posted to a response address. @returns status and text, as Slack answers */
export function takeResponse(id: string, body: Json, workspace: Workspace): { status: number; text: string } {
  const target = workspace.responses.get(id);
  if (target === undefined || workspace.now() > target.expiresAt) return { status: 404, text: "expired_url" };
  if (target.usesLeft < 1) return { status: 404, text: "used_url" };
  target.usesLeft -= 1;
  const { message, channel, personId } = target;
  if (body["delete_original"] === true && message !== null) {
    workspace.remove(message);
    return { status: 200, text: "ok" };
  }
  const content = contentOf(body);
  if (body["replace_original"] === true && message !== null) {
    Object.assign(message, content, { editedTs: workspace.ts() });
    workspace.changed();
    return { status: 200, text: "ok" };
  }
  const threadTs = asText(body["thread_ts"]) || message?.threadTs || null;
  workspace.post({ channel, ...content, threadTs, onlyFor: body["response_type"] === "in_channel" ? null : personId });
  return { status: 200, text: "ok" };
}

const FROM = {
  api_app_id: APP_ID,
  token: "deprecated",
  team: TEAM,
  enterprise: null,
  is_enterprise_install: false,
};
const userOf = ({ id, name }: Person): Json => ({ id, username: name, name, team_id: TEAM.id });
const payload = (value: Json): URLSearchParams => new URLSearchParams({ payload: JSON.stringify(value) });

export function elementOf(message: Message, blockId: string, actionId: string): Json | null {
  const block = message.blocks.find((each) => each["block_id"] === blockId);
  const elements = [...asObjects(block?.["elements"]), ...asObjects([block?.["accessory"]])];
  return elements.find((element) => element["action_id"] === actionId) ?? null;
}

function actionOf(element: Json, click: Click, actionTs: string): Json {
  const common = {
    type: element["type"],
    block_id: click.blockId,
    action_id: click.actionId,
    action_ts: actionTs,
  };
  switch (element["type"]) {
    case "button": {
      const { text, value, style, url } = element;
      return Object.fromEntries(
        Object.entries({ ...common, text, value, style, url }).filter(([, each]) => each !== undefined),
      );
    }
    case "users_select":
      return { ...common, selected_user: click.choice ?? null };
    default: {
      const option = asObjects(element["options"]).find((each) => each["value"] === click.choice);
      return { ...common, selected_option: option ?? null };
    }
  }
}

function objectIn(text: string): Json | null {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
