import type { Directory } from "../ports/directory.ts";
import type { IntakeLink } from "../ports/intake-links.ts";
import { KeyturnError, asKeyturnError } from "../rotation/errors.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import { ACTION, cardValue, menuBlock } from "./actions.ts";
import { handOver } from "./card-actions.ts";
import { code, oneLine, when } from "./escape.ts";
import { type Rendering, actions, button, context, header, messageArgs, peopleMenu, section } from "./message.ts";
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

/**
 * What the person who hands the key over gets. The address stands in the button alone.
 * @param link null: four eyes forbid them to do it themselves, so that they name somebody
 */
export function renderHandover(r: Rotation, link: { url: string; expiresAt: Instant } | null): Rendering {
  const name = oneLine(r.target ?? r.outgoing.name, 70);
  const value = cardValue(r.id, r.planHash);
  const title = `${name}: hand the replacement key over`;
  const workspace =
    r.outgoing.workspaceId === null
      ? "in the same workspace as before"
      : `in workspace ${code(r.outgoing.workspaceId)}`;
  const named =
    r.plan.requiredName === null ? "The page suggests a name" : `Name it exactly ${code(r.plan.requiredName)}`;
  const foot = context(`${code(r.id)} · outgoing key ${code(r.outgoing.name)}`);
  if (link === null) {
    const text = "Somebody else has to hand the replacement key over: approver and submitter must be different people.";
    const choose = actions(menuBlock("keyturn_handover", value), [peopleMenu(ACTION.delegate, "Name somebody")]);
    return { text, blocks: [header(title), section(`${text} They get a one-time link.`), choose, foot] };
  }
  const steps = [
    `1. Open the page below. It works once, until ${when(link.expiresAt)}, and is for you alone.`,
    `2. Create a key in the Claude Console ${workspace}. ${named}.`,
    "3. Paste the key on the page. *Never paste it in Slack.*",
  ];
  const page = button({
    action: ACTION.open,
    text: "Open the page",
    about: `to hand over the key of ${name}`,
    value,
    url: link.url,
    style: "primary",
  });
  return {
    text: "A replacement key has to be created and handed over; the link is good for a few minutes.",
    blocks: [
      header(title),
      section(steps.join("\n")),
      actions(menuBlock("keyturn_handover", value), [page, ...handOver(r, value, "New link")]),
      foot,
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
  /**
   * For the channel: sends the approver a fresh link, or asks them to name somebody where four eyes forbid it. null: there
   * are no pages. Repeating makes the earlier link invalid.
   * @param beforePost called when everything is ready but the message; what fails after it may have been sent
   */
  toApprover(
    r: Rotation,
    person: IntakeLink["person"],
    userId: string,
    issuedBy: string,
    beforePost?: () => Promise<void>,
  ): Promise<Place | null>;
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
  /** The conversation first: a link that cannot be sent is not made. */
  const send = async (
    r: Rotation,
    userId: string,
    linkOf: () => ReturnType<IssueLink>,
    orNobody: boolean,
    beforePost?: () => Promise<void>,
  ) => {
    const opened = await client.call("conversations.open", { users: userId });
    const channel = (opened.channel as { id?: unknown } | undefined)?.id;
    if (typeof channel !== "string") throw new KeyturnError("SLACK_UNAVAILABLE", "(conversations.open: unreadable)");
    let link: Awaited<ReturnType<IssueLink>> = null;
    try {
      link = await linkOf();
      if (link === null) return null;
    } catch (error) {
      if (!orNobody || asKeyturnError(error).code !== "NOT_AN_APPROVER") throw error;
    }
    const args = { channel, ...messageArgs(renderHandover(r, link), r.id) };
    await beforePost?.();
    const { ts } = await client.call("chat.postMessage", args, "post");
    return typeof ts === "string" ? { channel, ts } : null;
  };
  return {
    toApprover: (r, person, userId, issuedBy, beforePost) =>
      send(r, userId, () => given.issueLink(r.id, person, issuedBy), true, beforePost),
    sendLink: async (userId, rotation, issuedBy = "keyturn") => {
      const [member, r] = [await directory.member(userId), await given.load(rotation)];
      if (member === null) throw new KeyturnError("NOT_FOUND", "Slack knows no such person.");
      if (member.barred !== null)
        throw new KeyturnError("NOT_AN_APPROVER", `That account is ${member.barred}; name a member of the workspace.`);
      if (r === null) throw new KeyturnError("NOT_FOUND", `${rotation}.`);
      const name = `slack:${userId}`;
      const identities = member.email === null ? [name] : [name, `mail:${member.email}`];
      const person = { name, via: "slack" as const, identities };
      if ((await send(r, userId, () => given.issueLink(r.id, person, issuedBy), false)) === null)
        throw new KeyturnError("CONFIG_INVALID", "http.publicUrl is not set, so there are no links.", {
          next: `keyturn submit ${rotation}`,
        });
    },
  };
}
