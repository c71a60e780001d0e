import { type Html, html } from "../html.ts";
import { type Fields, type Seat, messageBlocks } from "./blocks-html.ts";
import { elementOf } from "./interactions.ts";
import { confirmHtml, modalHtml } from "./modal-html.ts";
import { type Channel, type Message, type Person, isObject } from "./model.ts";
import { mrkdwn } from "./mrkdwn.ts";
import { type Workspace, BOT } from "./workspace.ts";

export const seatAddress = ({ personId, channelId }: Seat): string => `/?as=${personId}&in=${channelId}`;

/** The whole chat as one person sees it. @param confirm the click that waits for a yes */
export function chatPage(seat: Seat, confirm: Fields | null, workspace: Workspace): string {
  const channel = workspace.channels.get(seat.channelId);
  const person = workspace.people.get(seat.personId);
  if (channel === undefined || person === undefined) return "";
  workspace.seen(seat.personId, seat.channelId);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Chat (simulated Slack)</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="stylesheet" href="/chat.css" />
        <link rel="icon" href="data:," />
        <script src="/chat.js" defer></script>
      </head>
      <body data-revision="${workspace.revision}">
        <div id="live">
          <nav aria-label="Conversations">
            <h1>Chat <small>simulated Slack</small></h1>
            <h2>You act as</h2>
            <ul>
              ${persons(workspace).map((each) => personLink(each, seat))}
            </ul>
            <h2>Conversations</h2>
            <ul>
              ${channelsOf(person, workspace).map((each) => channelLink(each, seat, workspace))}
            </ul>
          </nav>
          <main>
            <header><h2>${titleOf(channel)}</h2></header>
            <div class="messages">${messagesHtml(seat, workspace)}</div>
          </main>
          ${dialogHtml(seat, confirm, workspace)}
        </div>
        <form class="composer" method="post" action="/command" aria-label="Command">
          <input type="hidden" name="as" value="${seat.personId}" /><input
            type="hidden"
            name="in"
            value="${seat.channelId}"
          /><label for="line">Command</label
          ><input
            id="line"
            name="line"
            autocomplete="off"
            spellcheck="false"
            placeholder="/keyturn help"
            required
          /><button>Send as ${person.realName}</button>
        </form>
      </body>
    </html> `.text;
}

const persons = (workspace: Workspace): Person[] =>
  [...workspace.people.values()].filter((person) => person.flags?.["is_bot"] !== true);

function channelsOf(person: Person, workspace: Workspace): Channel[] {
  workspace.directMessages(person.id);
  return [...workspace.channels.values()].filter(({ personId }) => personId === null || personId === person.id);
}

const titleOf = ({ name, personId }: Channel): string => (personId === null ? `# ${name}` : `Keyturn, to you alone`);

function personLink({ id, realName, role }: Person, seat: Seat): Html {
  // Somebody else's private messages are not theirs to see: they start in the channel.
  const address = seatAddress({
    personId: id,
    channelId: seat.channelId.startsWith("D") ? `D${id.slice(1)}` : seat.channelId,
  });
  return html`<li>
    <a href="${address}" ${id === seat.personId && html`aria-current="true"`}>${realName} <small>${role}</small></a>
  </li>`;
}

function channelLink(channel: Channel, seat: Seat, workspace: Workspace): Html {
  const address = seatAddress({ personId: seat.personId, channelId: channel.id });
  const unread = workspace.unread(seat.personId, channel.id);
  const name = channel.personId === null ? `# ${channel.name}` : "Keyturn (private)";
  return html`<li>
    <a href="${address}" ${channel.id === seat.channelId && html`aria-current="page"`}
      >${name} ${unread > 0 && html`<b class="badge">${unread}<span class="spoken"> new</span></b>`}</a
    >
  </li>`;
}

function messagesHtml(seat: Seat, workspace: Workspace): Html {
  const visible = workspace.visible(seat.personId, seat.channelId);
  if (visible.length === 0)
    return html`<p class="empty">Nothing here yet. Messages show by themselves as soon as there are any.</p>`;
  const top = visible.filter((message) => message.threadTs === null || message.broadcast);
  const replies = (ts: string) => visible.filter((message) => message.threadTs === ts);
  return html`${top.map((message) => {
    const thread = message.threadTs === null ? replies(message.ts) : [];
    return html`${messageHtml(message, seat, workspace)}${
      thread.length > 0 &&
      html`<section class="thread" aria-label="Thread">
        ${thread.map((reply) => messageHtml(reply, seat, workspace))}
      </section>`
    }`;
  })}`;
}

function messageHtml(message: Message, seat: Seat, workspace: Workspace): Html {
  const when = new Date(Number(message.ts.split(".")[0]) * 1000);
  const time = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(when);
  const forget = { as: seat.personId, in: seat.channelId, ts: message.ts };
  return html`<article class="${message.onlyFor === null ? "" : "private"}" id="m${message.ts}">
    <p class="by">
      <span class="avatar" aria-hidden="true">K</span><strong>${BOT.realName}</strong> <small>app</small>
      <time datetime="${when.toISOString()}">${time}</time
      >${message.editedTs !== null && html` <small>(edited)</small>`}
    </p>
    ${
      message.onlyFor !== null &&
      html`<form class="note" method="post" action="/dismiss">
        <span>Only you can see this</span>${Object.entries(forget).map(
          ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
        )}<button>Dismiss</button>
      </form>`
    }
    ${message.blocks.length > 0 ? messageBlocks(message, seat, workspace) : html`<p>${mrkdwn(message.text, workspace)}</p>`}
    ${message.trouble !== null && html`<p class="trouble" role="alert">⚠ ${message.trouble}</p>`}
  </article>`;
}

function dialogHtml(seat: Seat, confirm: Fields | null, workspace: Workspace): Html | null {
  const back = { as: seat.personId, in: seat.channelId };
  if (confirm !== null) {
    const message = workspace.find(confirm["channel"] ?? "", confirm["ts"] ?? "");
    const element = message && elementOf(message, confirm["block"] ?? "", confirm["action"] ?? "");
    if (isObject(element?.["confirm"])) return confirmHtml(element["confirm"], confirm, seatAddress(seat), workspace);
  }
  const view = workspace.viewOf(seat.personId);
  return view === null ? null : modalHtml(view, back, workspace);
}
