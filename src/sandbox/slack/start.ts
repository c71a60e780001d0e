import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Delivery, type Outgoing, sendClick, sendCommand, sendSubmission } from "./interactions.ts";
import { type Json, type Message, type Person, asObjects, asText } from "./model.ts";
import { handle } from "./server.ts";
import { APP_ID, CHANNEL, GROUP, PEOPLE, TEAM, Workspace } from "./workspace.ts";

export interface SlackSandboxOptions {
  /** 0 (default): any free port. */
  port?: number;
  /** Signs what is sent to the app. */
  signingSecret: string;
  /** Where clicks and modals go; asked each time. */
  interactionsUrl: () => string;
  /** Where slash commands go. */
  commandsUrl: () => string;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Names one element of a message that a person can see. */
export interface ClickInput {
  /** A person's id. */
  as: string;
  actionId: string;
  /** The chosen option's value, or a person's id. */
  choice?: string;
  /** Absent: the newest message that has the element. */
  ts?: string;
}

export interface SlackSandbox {
  /** The page for people. */
  url: string;
  /** The Web API, for `slack.apiUrl`. */
  apiUrl: string;
  botToken: string;
  teamId: string;
  appId: string;
  channel: string;
  /** The user group of those who may approve. */
  group: string;
  people: { ana: Person; ben: Person; olga: Person };
  workspace: Workspace;
  /** Everything said, oldest first; without `as` only what everyone in the channel sees. */
  messages(as?: string): Message[];
  /** As a person does it. @throws Error when nobody could click that */
  click(input: ClickInput): Promise<Delivery>;
  command(as: string, line: string): Promise<Delivery>;
  /** Submits the open modal. @param values by block id, then action id: the text typed */
  submit(as: string, values: Record<string, Record<string, string>>): Promise<Delivery>;
  /** Breaks open connections off. Safe to repeat. */
  close(): Promise<void>;
}

/** A simulated Slack workspace on 127.0.0.1 in this process; it keeps everything in memory. */
export async function startSlackSandbox(options: SlackSandboxOptions): Promise<SlackSandbox> {
  const [ana, ben, olga] = PEOPLE as unknown as [Person, Person, Person];
  const workspace = new Workspace(options.now ?? Date.now);
  // Not in the form of a real token anywhere in this file.
  const botToken = ["xoxb", "simulated", randomBytes(12).toString("hex")].join("-");
  let url = "";
  const outgoing: Outgoing = {
    workspace,
    signingSecret: options.signingSecret,
    interactionsUrl: options.interactionsUrl,
    commandsUrl: options.commandsUrl,
    responseAddress: (id) => `${url}/respond/${id}`,
  };
  const server = createServer((request, response) => void handle(request, response, { workspace, botToken, outgoing }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }));
  const personOf = (id: string): Person => {
    const person = workspace.people.get(id);
    if (person === undefined) throw new Error(`there is no person ${id}`);
    return person;
  };
  return {
    url,
    apiUrl: `${url}/api/`,
    botToken,
    teamId: TEAM.id,
    appId: APP_ID,
    channel: CHANNEL.id,
    group: GROUP.id,
    people: { ana, ben, olga },
    workspace,
    messages: (as) => workspace.messages.filter((message) => workspace.mayRead(message, as ?? null)),
    click: ({ as, actionId, choice, ts }) => {
      const person = personOf(as);
      const found = workspace.messages
        .filter((message) => workspace.mayRead(message, as) && (ts === undefined || message.ts === ts))
        .toReversed()
        .map((message) => ({ message, blockId: blockWith(message, actionId) }))
        .find(({ blockId }) => blockId !== null);
      if (found === undefined) throw new Error(`${person.realName} sees no ${actionId}`);
      const { message, blockId } = found;
      return sendClick(
        { person, message, blockId: blockId ?? "", actionId, ...(choice === undefined ? {} : { choice }) },
        outgoing,
      );
    },
    command: (as, line) => sendCommand(personOf(as), CHANNEL.id, line, outgoing),
    submit: (as, values) => {
      const state = Object.entries(values).map(([block, inputs]) => {
        const typed = Object.entries(inputs).map(([id, value]) => [id, { type: "plain_text_input", value }]);
        return [block, Object.fromEntries(typed) as Json];
      });
      return sendSubmission(personOf(as), Object.fromEntries(state) as Json, outgoing);
    },
    close,
  };
}

function blockWith(message: Message, actionId: string): string | null {
  const block = message.blocks.find((each) =>
    [...asObjects(each["elements"]), ...asObjects([each["accessory"]])].some((one) => one["action_id"] === actionId),
  );
  return block === undefined ? null : asText(block["block_id"]);
}
