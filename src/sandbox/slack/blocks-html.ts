import { type Html, html } from "../html.ts";
import { type Json, type Message, asObjects, asText, isObject } from "./model.ts";
import { mrkdwn, plainText } from "./mrkdwn.ts";
import type { Workspace } from "./workspace.ts";

/** Who looks at a page, and at what. */
export interface Seat {
  personId: string;
  channelId: string;
}

/** What an element sends when it is used: fields of a form. */
export type Fields = Readonly<Record<string, string>>;

export const hidden = (fields: Fields): Html[] =>
  Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);

/** A text object. */
export function textOf(value: unknown, workspace: Workspace): Html {
  if (!isObject(value)) return html``;
  const text = asText(value["text"]);
  return value["type"] === "mrkdwn" ? mrkdwn(text, workspace) : plainText(text);
}

/** The subset of Block Kit that `block-limits.ts` lets in. */
export function messageBlocks(message: Message, seat: Seat, workspace: Workspace): Html[] {
  return message.blocks.map((block) => {
    const fields = (element: Json): Fields => ({
      as: seat.personId,
      in: seat.channelId,
      channel: message.channel,
      ts: message.ts,
      block: asText(block["block_id"]),
      action: asText(element["action_id"]),
    });
    return blockHtml(block, workspace, (element) => elementHtml(element, fields(element), workspace));
  });
}

export function blockHtml(block: Json, workspace: Workspace, element: (given: Json) => Html): Html {
  switch (block["type"]) {
    case "header":
      return html`<h3>${textOf(block["text"], workspace)}</h3>`;
    case "divider":
      return html`<hr />`;
    case "section": {
      const fields = asObjects(block["fields"]).map((field) => html`<div>${textOf(field, workspace)}</div>`);
      const accessory = isObject(block["accessory"]) ? element(block["accessory"]) : null;
      return html`<div class="section">
        <div>
          ${block["text"] !== undefined && textOf(block["text"], workspace)}
          ${fields.length > 0 && html`<div class="fields">${fields}</div>`}
        </div>
        ${accessory}
      </div>`;
    }
    case "context": {
      const parts = asObjects(block["elements"]).map((part) => html`<span>${textOf(part, workspace)}</span>`);
      return html`<p class="context">${parts}</p>`;
    }
    case "actions":
      return html`<div class="actions">${asObjects(block["elements"]).map(element)}</div>`;
    default:
      return html`<p class="context">(not shown: ${asText(block["type"])})</p>`;
  }
}

function elementHtml(element: Json, fields: Fields, workspace: Workspace): Html {
  switch (element["type"]) {
    case "button":
      return button(element, fields, workspace);
    case "overflow": {
      const choices = optionsOf(element).map(
        ({ value, label }) => html`<button name="choice" value="${value}">${label}</button>`,
      );
      return html`<details class="overflow">
        <summary aria-label="More choices">⋯</summary>
        <form method="post" action="/click">${hidden(fields)}${choices}</form>
      </details>`;
    }
    case "users_select":
      return chooser(element, fields, people(workspace));
    default:
      return chooser(element, fields, optionsOf(element));
  }
}

function button(element: Json, fields: Fields, workspace: Workspace): Html {
  const style = asText(element["style"]);
  const label = asText(element["accessibility_label"]);
  const text = textOf(element["text"], workspace);
  const url = asText(element["url"]);
  if (url !== "") {
    // The browser opens the address; the app hears of it too. The script sends that, in the background.
    const data = new URLSearchParams(fields).toString();
    return html`<a class="button ${style}" href="${url}" target="_blank" rel="noopener" data-click="${data}"
      >${text}</a
    >`;
  }
  return html`<form method="post" action="/click">
    ${hidden(fields)}<button class="${style}" ${label !== "" && html`aria-label="${label}"`}>${text}</button>
  </form>`;
}

interface Choice {
  value: string;
  label: string;
}

export const optionsOf = (element: Json): Choice[] =>
  asObjects(element["options"]).map((option) => ({
    value: asText(option["value"]),
    label: isObject(option["text"]) ? asText(option["text"]["text"]) : "",
  }));

export const people = (workspace: Workspace): Choice[] =>
  [...workspace.people.values()]
    .filter((person) => person.flags?.["is_bot"] !== true)
    .map((person) => ({ value: person.id, label: person.realName }));

/** A menu is only sent with its own button, so that a keyboard can walk through it. */
function chooser(element: Json, fields: Fields, choices: readonly Choice[]): Html {
  const placeholder = isObject(element["placeholder"]) ? asText(element["placeholder"]["text"]) : "Choose…";
  const label = asText(element["accessibility_label"]) || placeholder;
  return html`<form method="post" action="/click" class="chooser">
    ${hidden(fields)}<select name="choice" required aria-label="${label}">
      <option value="">${placeholder}</option>
      ${choices.map(({ value, label: text }) => html`<option value="${value}">${text}</option>`)}</select
    ><button aria-label="OK: ${label}">OK</button>
  </form>`;
}
