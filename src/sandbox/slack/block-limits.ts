import { type Json, asObjects, asText, isObject } from "./model.ts";

/*
 * The limits of Block Kit that a sender meets (https://docs.slack.dev/reference/block-kit). Slack refuses the whole
 * message; the reasons are in `response_metadata.messages`.
 */

const MOST_BLOCKS = { message: 50, modal: 100 } as const;

/** Every problem, empty when Slack would take them. Pure. */
export function blockProblems(blocks: readonly unknown[], surface: "message" | "modal"): string[] {
  const problems: string[] = [];
  const say = (where: string, what: string): void => void problems.push(`[ERROR] ${what} [json-pointer:${where}]`);
  if (blocks.length > MOST_BLOCKS[surface]) say("/blocks", `no more than ${MOST_BLOCKS[surface]} items allowed`);
  const ids = blocks.filter(isObject).flatMap((block) => asText(block["block_id"]) || []);
  if (new Set(ids).size < ids.length) say("/blocks", "block_id must be unique");
  for (const [i, block] of blocks.entries()) {
    const where = `/blocks/${i}`;
    if (!isObject(block)) say(where, "must be an object");
    else checkBlock(block, where, surface, say);
  }
  return problems;
}

type Say = (where: string, what: string) => void;

function checkBlock(block: Json, where: string, surface: "message" | "modal", say: Say): void {
  if (asText(block["block_id"]).length > 255) say(`${where}/block_id`, "must be less than 256 characters");
  switch (block["type"]) {
    case "header":
      return checkText(block["text"], `${where}/text`, 150, say, "plain_text");
    case "section": {
      const fields = Array.isArray(block["fields"]) ? block["fields"] : [];
      if (block["text"] === undefined && fields.length === 0) say(where, "must have text or fields");
      if (block["text"] !== undefined) checkText(block["text"], `${where}/text`, 3000, say);
      if (fields.length > 10) say(`${where}/fields`, "no more than 10 items allowed");
      for (const [i, field] of fields.entries()) checkText(field, `${where}/fields/${i}`, 2000, say);
      if (block["accessory"] !== undefined) checkElement(block["accessory"], `${where}/accessory`, say);
      return;
    }
    case "context": {
      const elements = Array.isArray(block["elements"]) ? block["elements"] : [];
      if (elements.length < 1 || elements.length > 10) say(`${where}/elements`, "must have 1 to 10 items");
      for (const [i, element] of elements.entries()) checkText(element, `${where}/elements/${i}`, 3000, say);
      return;
    }
    case "actions": {
      const elements = asObjects(block["elements"]);
      if (elements.length < 1 || elements.length > 25) say(`${where}/elements`, "must have 1 to 25 items");
      const ids = elements.map((element) => asText(element["action_id"]));
      if (new Set(ids).size < ids.length) say(`${where}/elements`, "action_id must be unique within a block");
      for (const [i, element] of elements.entries()) checkElement(element, `${where}/elements/${i}`, say);
      return;
    }
    case "input":
      if (surface === "message") return say(where, "unsupported type: input");
      checkText(block["label"], `${where}/label`, 2000, say, "plain_text");
      return checkElement(block["element"], `${where}/element`, say);
    case "divider":
      return;
    default:
      // Images, files, rich text and the rest exist; this simulation does not show them.
      say(where, `unsupported type: ${String(block["type"])}`);
  }
}

function checkText(value: unknown, where: string, most: number, say: Say, only?: "plain_text"): void {
  if (!isObject(value)) return say(where, "must be a text object");
  const { type, text } = value;
  const allowed = only === undefined ? ["plain_text", "mrkdwn"] : [only];
  if (!allowed.includes(asText(type))) say(`${where}/type`, `must be ${allowed.join(" or ")}`);
  if (typeof text !== "string" || text.length < 1) say(`${where}/text`, "must be more than 0 characters");
  else if (text.length > most) say(`${where}/text`, `must be less than ${most + 1} characters`);
}

function checkElement(element: unknown, where: string, say: Say): void {
  if (!isObject(element)) return say(where, "must be an element");
  const longest = (name: string, most: number): void => {
    if (asText(element[name]).length > most) say(`${where}/${name}`, `must be less than ${most + 1} characters`);
  };
  longest("action_id", 255);
  longest("accessibility_label", 75);
  if (element["placeholder"] !== undefined)
    checkText(element["placeholder"], `${where}/placeholder`, 150, say, "plain_text");
  if (element["confirm"] !== undefined) checkConfirm(element["confirm"], `${where}/confirm`, say);
  switch (element["type"]) {
    case "button":
      checkText(element["text"], `${where}/text`, 75, say, "plain_text");
      longest("value", 2000);
      longest("url", 3000);
      if (element["style"] !== undefined && element["style"] !== "primary" && element["style"] !== "danger")
        say(`${where}/style`, "must be primary or danger");
      return;
    case "static_select":
      return checkOptions(element["options"], `${where}/options`, 100, say);
    case "overflow":
      return checkOptions(element["options"], `${where}/options`, 5, say);
    case "users_select":
    case "plain_text_input":
    case "checkboxes":
      return;
    default:
      say(where, `unsupported element: ${String(element["type"])}`);
  }
}

function checkOptions(options: unknown, where: string, most: number, say: Say): void {
  const given = asObjects(options);
  if (given.length < 1 || given.length > most) say(where, `must have 1 to ${most} items`);
  for (const [i, option] of given.entries()) {
    checkText(option["text"], `${where}/${i}/text`, 75, say);
    const { length } = asText(option["value"]);
    if (length < 1 || length > 150) say(`${where}/${i}/value`, "must be 1 to 150 characters");
  }
}

function checkConfirm(confirm: unknown, where: string, say: Say): void {
  if (!isObject(confirm)) return say(where, "must be a confirm object");
  checkText(confirm["title"], `${where}/title`, 100, say, "plain_text");
  checkText(confirm["text"], `${where}/text`, 300, say);
  for (const name of ["confirm", "deny"])
    if (confirm[name] !== undefined) checkText(confirm[name], `${where}/${name}`, 30, say, "plain_text");
}

/** What is wrong with a modal. Pure. */
export function viewProblems(view: Json): string[] {
  const problems: string[] = [];
  const say: Say = (where, what) => void problems.push(`[ERROR] ${what} [json-pointer:${where}]`);
  if (view["type"] !== "modal") say("/view/type", "must be modal");
  checkText(view["title"], "/view/title", 24, say, "plain_text");
  for (const name of ["submit", "close"])
    if (view[name] !== undefined) checkText(view[name], `/view/${name}`, 24, say, "plain_text");
  if (asText(view["private_metadata"]).length > 3000)
    say("/view/private_metadata", "must be less than 3001 characters");
  if (asText(view["callback_id"]).length > 255) say("/view/callback_id", "must be less than 256 characters");
  const blocks = Array.isArray(view["blocks"]) ? view["blocks"] : [];
  if (blocks.some((block) => isObject(block) && block["type"] === "input") && view["submit"] === undefined)
    say("/view/submit", "is required when there is an input");
  return [...problems, ...blockProblems(blocks, "modal")];
}
