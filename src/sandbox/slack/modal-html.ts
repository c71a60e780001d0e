import { type Html, html } from "../html.ts";
import { type Fields, blockHtml, hidden, optionsOf, people, textOf } from "./blocks-html.ts";
import { type Json, type View, asObjects, asText, isObject } from "./model.ts";
import type { Workspace } from "./workspace.ts";

/** An open modal, over everything else. */
export function modalHtml(shown: View, fields: Fields, workspace: Workspace): Html {
  const { view, errors } = shown;
  const parts = asObjects(view["blocks"]).map((block) =>
    block["type"] === "input"
      ? inputHtml(block, errors[asText(block["block_id"])] ?? null, workspace)
      : blockHtml(block, workspace, () => html``),
  );
  const general = errors[""];
  return html`<div class="overlay">
    <section class="dialog" role="dialog" aria-modal="true" aria-labelledby="dialog-title">
      <h2 id="dialog-title">${textOf(view["title"], workspace)}</h2>
      ${general !== undefined && html`<p class="trouble" role="alert">${general}</p>`}
      <form method="post" action="/submit" id="dialog-form">${hidden(fields)}${parts}</form>
      <div class="actions">
        <form method="post" action="/close">
          ${hidden(fields)}<button>${view["close"] === undefined ? "Cancel" : textOf(view["close"], workspace)}</button>
        </form>
        ${
          view["submit"] !== undefined &&
          html`<button class="primary" form="dialog-form">${textOf(view["submit"], workspace)}</button>`
        }
      </div>
    </section>
  </div>`;
}

function inputHtml(block: Json, error: string | null, workspace: Workspace): Html {
  const element = isObject(block["element"]) ? block["element"] : {};
  const id = `${asText(block["block_id"])}/${asText(element["action_id"])}`;
  const required = block["optional"] !== true && html`required`;
  const describedBy = error !== null && html`aria-describedby="${id}-error" aria-invalid="true"`;
  const hint = block["hint"] !== undefined && html`<small>${textOf(block["hint"], workspace)}</small>`;
  return html`<p>
    <label for="${id}">${textOf(block["label"], workspace)}</label>${control()}${hint}
    ${error !== null && html`<span class="trouble" id="${id}-error" role="alert">${error}</span>`}
  </p>`;

  function control(): Html {
    if (element["type"] === "static_select" || element["type"] === "users_select") {
      const choices = element["type"] === "users_select" ? people(workspace) : optionsOf(element);
      return html`<select id="${id}" name="v:${id}" ${required} ${describedBy}>
        <option value=""></option>
        ${choices.map(({ value, label }) => html`<option value="${value}">${label}</option>`)}
      </select>`;
    }
    const initial = asText(element["initial_value"]);
    const most = Number(element["max_length"] ?? 3000);
    if (element["multiline"] === true)
      return html`<textarea id="${id}" name="v:${id}" rows="3" maxlength="${most}" ${required} ${describedBy} autofocus>
${initial}</textarea>`;
    return html`<input
      id="${id}"
      name="v:${id}"
      value="${initial}"
      maxlength="${most}"
      ${required}
      ${describedBy}
      autocomplete="off"
      autofocus
    />`;
  }
}

/** `state.values` of a submission. Pure. */
export function valuesOf(view: View, form: URLSearchParams): Json {
  const values: Record<string, Json> = {};
  for (const block of asObjects(view.view["blocks"])) {
    if (block["type"] !== "input" || !isObject(block["element"])) continue;
    const [blockId, actionId] = [asText(block["block_id"]), asText(block["element"]["action_id"])];
    values[blockId] = { [actionId]: valueOf(block["element"], form.get(`v:${blockId}/${actionId}`) ?? "") };
  }
  return values;
}

function valueOf(element: Json, given: string): Json {
  const { type } = element;
  if (type === "users_select") return { type, selected_user: given || null };
  if (type === "static_select")
    return { type, selected_option: asObjects(element["options"]).find((each) => each["value"] === given) ?? null };
  return { type, value: given === "" ? null : given };
}

/** The question that an element asks before it is used. */
export function confirmHtml(confirm: Json, click: Fields, back: string, workspace: Workspace): Html {
  const word = (name: string, fallback: string) =>
    confirm[name] === undefined ? html`${fallback}` : textOf(confirm[name], workspace);
  const style = asText(confirm["style"]) === "danger" ? "danger" : "primary";
  return html`<div class="overlay">
    <section
      class="dialog"
      role="alertdialog"
      aria-modal="true"
      aria-labelledby="dialog-title"
      aria-describedby="dialog-text"
    >
      <h2 id="dialog-title">${word("title", "Are you sure?")}</h2>
      <p id="dialog-text">${textOf(confirm["text"], workspace)}</p>
      <div class="actions">
        <a class="button" href="${back}">${word("deny", "No")}</a>
        <form method="post" action="/click">
          ${hidden({ ...click, confirmed: "yes" })}<button class="${style}" autofocus>${word("confirm", "Yes")}</button>
        </form>
      </div>
    </section>
  </div>`;
}
