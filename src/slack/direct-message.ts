import type { Directory } from "../ports/directory.ts";
import type { IntakeLink } from "../ports/intake-links.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import { ACTION, cardValue, menuBlock } from "./actions.ts";
import { handOver } from "./card-actions.ts";
import { code, oneLine, when } from "./escape.ts";
import { type Rendering, actions, button, context, header, messageArgs, section } from "./message.ts";
import type { SlackClient } from "./web-client.ts";

/**
 * Makes a one-time link for this person, ending the earlier one; null when there are no pages. The address is handed on
 * and kept nowhere. @param issuedBy who asked for it, for the audit log
 */
export type IssueLink = (
  rotation: string,
  person: IntakeLink["person"],
  issuedBy: string,
) => Promise<{ url: string; expiresAt: Instant } | null>;

/** Where a message is, to edit it later. */
export interface Place {
  channel: string;
  ts: string;
}

/** What the person who hands the key over gets. The address stands in the button alone. */
export function renderHandover(r: Rotation, link: { url: string; expiresAt: Instant }): Rendering {
  const name = oneLine(r.target ?? r.outgoing.name, 70);
  const value = cardValue(r.id, r.planHash);
  const title = `${name}: hand the new key over`;
  const workspace =
    r.outgoing.workspaceId === null
      ? "in the same workspace as before"
      : `in workspace ${code(r.outgoing.workspaceId)}`;
  const named =
    r.plan.requiredName === null ? "The page suggests a name" : `Name it exactly ${code(r.plan.requiredName)}`;
  return {
    text: "A new key has to be created and handed over; the link is good for a few minutes.",
    blocks: [
      header(title),
      section(
        [
          `1. Open the page below. It works once, until ${when(link.expiresAt)}, and is for you alone.`,
          `2. Create a key in the Claude Console ${workspace}. ${named}.`,
          "3. Paste the key on the page. *Never paste it in Slack.*",
        ].join("\n"),
      ),
      actions(menuBlock("keyturn_handover", value), [
        button({
          action: ACTION.open,
          text: "Open the page",
          spoken: `Open the page for the new key of ${name}`,
          value,
          url: link.url,
          style: "primary",
        }),
        ...handOver(r, value, "New link"),
      ]),
      context(`${code(r.id)} · outgoing key ${code(r.outgoing.name)}`),
    ],
  };
}

/** What becomes of it once the wait is over. */
export function renderHandedOver(r: Rotation): Rendering {
  const text =
    r.endedAt === null ? "No key is needed here any more: the rotation goes on." : "This rotation has ended.";
  return { text, blocks: [section(`${text} The link no longer works.`), context(code(r.id))] };
}

export interface DirectMessages {
  /** For the channel: sends the person a fresh link. null: there are no pages. Repeating makes the earlier link invalid. */
  send(r: Rotation, person: IntakeLink["person"], userId: string, issuedBy: string): Promise<Place | null>;
  /**
   * For the desk: sends a fresh link to somebody who was named.
   * @throws NOT_FOUND no such person or rotation, NOT_AN_APPROVER a guest, bot or stranger, WRONG_STATE, CONFIG_INVALID
   *   there are no pages, DIRECTORY_UNAVAILABLE, SLACK_UNAVAILABLE, SLACK_REFUSED
   */
  sendLink(userId: string, rotation: string, issuedBy?: string): Promise<void>;
}

/** Private messages with one-time links. */
export function createDirectMessages(given: {
  client: SlackClient;
  directory: Directory;
  issueLink: IssueLink;
  load: (rotation: string) => Promise<Rotation | null>;
}): DirectMessages {
  const { client, directory } = given;
  const send: DirectMessages["send"] = async (r, person, userId, issuedBy) => {
    // The conversation first: a link that cannot be sent is not made.
    const opened = await client.call("conversations.open", { users: userId });
    const channel = (opened.channel as { id?: unknown } | undefined)?.id;
    if (typeof channel !== "string") throw new KeyturnError("SLACK_UNAVAILABLE", "(conversations.open: unreadable)");
    const link = await given.issueLink(r.id, person, issuedBy);
    if (link === null) return null;
    const args = { channel, ...messageArgs(renderHandover(r, link), r.id) };
    const { ts } = await client.call("chat.postMessage", args, "post");
    return typeof ts === "string" ? { channel, ts } : null;
  };
  return {
    send,
    sendLink: async (userId, rotation, issuedBy = "keyturn") => {
      const [member, r] = [await directory.member(userId), await given.load(rotation)];
      if (member === null) throw new KeyturnError("NOT_FOUND", "Slack knows no such person.");
      if (member.barred !== null)
        throw new KeyturnError("NOT_AN_APPROVER", `That account is ${member.barred}; name a member of the workspace.`);
      if (r === null) throw new KeyturnError("NOT_FOUND", `${rotation}.`);
      const name = `slack:${userId}`;
      const identities = member.email === null ? [name] : [name, `mail:${member.email}`];
      if ((await send(r, { name, via: "slack", identities }, userId, issuedBy)) === null)
        throw new KeyturnError("CONFIG_INVALID", "http.publicUrl is not set, so there are no links.", {
          next: `keyturn submit ${rotation}`,
        });
    },
  };
}
