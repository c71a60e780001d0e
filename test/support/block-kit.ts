/*
 * Slack's limits of blocks, written down from its reference and checked without any code of ours.
 */

type Json = Record<string, unknown>;

/** What is limited, how, and where Slack says so. Read on 2026-11-20. */
export const BLOCK_KIT_LIMITS = [
  ["blocks of a message", 50, "https://docs.slack.dev/reference/block-kit/blocks"],
  ["text of a message", 4000, "https://docs.slack.dev/reference/methods/chat.postMessage#truncating"],
  ["block_id", 255, "https://docs.slack.dev/reference/block-kit/blocks/section-block"],
  ["header text", 150, "https://docs.slack.dev/reference/block-kit/blocks/header-block"],
  ["section text", 3000, "https://docs.slack.dev/reference/block-kit/blocks/section-block"],
  ["section fields", 10, "https://docs.slack.dev/reference/block-kit/blocks/section-block"],
  ["section field text", 2000, "https://docs.slack.dev/reference/block-kit/blocks/section-block"],
  ["context elements", 10, "https://docs.slack.dev/reference/block-kit/blocks/context-block"],
  ["actions elements", 25, "https://docs.slack.dev/reference/block-kit/blocks/actions-block"],
  ["text object", 3000, "https://docs.slack.dev/reference/block-kit/composition-objects/text-object"],
  ["action_id", 255, "https://docs.slack.dev/reference/block-kit/block-elements/button-element"],
  ["button text", 75, "https://docs.slack.dev/reference/block-kit/block-elements/button-element"],
  ["button value", 2000, "https://docs.slack.dev/reference/block-kit/block-elements/button-element"],
  ["button url", 3000, "https://docs.slack.dev/reference/block-kit/block-elements/button-element"],
  ["accessibility_label", 75, "https://docs.slack.dev/reference/block-kit/block-elements/button-element"],
  ["confirm title", 100, "https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object"],
  ["confirm text", 300, "https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object"],
  ["confirm button", 30, "https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object"],
  ["placeholder", 150, "https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element"],
  ["options", 100, "https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element"],
  ["option text", 75, "https://docs.slack.dev/reference/block-kit/composition-objects/option-object"],
  ["option value", 150, "https://docs.slack.dev/reference/block-kit/composition-objects/option-object"],
] as const;
type Limited = (typeof BLOCK_KIT_LIMITS)[number][0];

const LIMIT = new Map<Limited, number>(BLOCK_KIT_LIMITS.map(([what, limit]) => [what, limit]));

/** Everything that Slack would refuse or cut, as sentences; empty: fits. */
export function blockKitProblems(message: { text?: unknown; blocks?: unknown }): string[] {
  const problems: string[] = [];
  const fits = (what: Limited, value: unknown, path: string) => {
    const size = Array.isArray(value) || typeof value === "string" ? value.length : Number.NaN;
    // Nothing but `value` may be empty.
    if (!(size <= (LIMIT.get(what) ?? 0))) problems.push(`${path}: ${what} is ${size}`);
    if (size === 0) problems.push(`${path}: ${what} is empty`);
  };
  const textObject = (value: unknown, type: "plain_text" | "mrkdwn", what: Limited, path: string) => {
    const object = value as Json | undefined;
    if (object?.type !== type) problems.push(`${path}: not ${type}`);
    fits("text object", object?.text, path);
    fits(what, object?.text, path);
  };
  const actionIds = new Set<string>();
  const element = (e: Json, path: string) => {
    fits("action_id", e.action_id, path);
    if (actionIds.has(String(e.action_id))) problems.push(`${path}: action_id ${String(e.action_id)} twice`);
    actionIds.add(String(e.action_id));
    switch (e.type) {
      case "button": {
        textObject(e.text, "plain_text", "button text", `${path}.text`);
        fits("accessibility_label", e.accessibility_label, path);
        if ("value" in e) fits("button value", e.value, path);
        if ("url" in e) fits("button url", e.url, path);
        if ("style" in e && e.style !== "primary" && e.style !== "danger") problems.push(`${path}: style`);
        if (!("confirm" in e)) break;
        const confirm = e.confirm as Json;
        textObject(confirm.title, "plain_text", "confirm title", `${path}.confirm`);
        textObject(confirm.text, "plain_text", "confirm text", `${path}.confirm`);
        textObject(confirm.confirm, "plain_text", "confirm button", `${path}.confirm`);
        textObject(confirm.deny, "plain_text", "confirm button", `${path}.confirm`);
        break;
      }
      case "static_select": {
        textObject(e.placeholder, "plain_text", "placeholder", path);
        fits("options", e.options, path);
        for (const option of e.options as Json[]) {
          textObject(option.text, "plain_text", "option text", path);
          fits("option value", option.value, path);
        }
        break;
      }
      case "users_select":
        textObject(e.placeholder, "plain_text", "placeholder", path);
        break;
      default:
        problems.push(`${path}: unknown element ${String(e.type)}`);
    }
  };
  fits("text of a message", message.text, "text");
  fits("blocks of a message", message.blocks, "blocks");
  const blockIds = new Set<string>();
  for (const [i, block] of (message.blocks as Json[]).entries()) {
    const path = `blocks[${i}]`;
    if ("block_id" in block) {
      fits("block_id", block.block_id, path);
      if (blockIds.has(String(block.block_id))) problems.push(`${path}: block_id twice`);
      blockIds.add(String(block.block_id));
    }
    switch (block.type) {
      case "header":
        textObject(block.text, "plain_text", "header text", path);
        break;
      case "section":
        textObject(block.text, "mrkdwn", "section text", path);
        break;
      case "context": {
        fits("context elements", block.elements, path);
        for (const e of block.elements as Json[]) textObject(e, "mrkdwn", "text object", path);
        break;
      }
      case "actions": {
        fits("actions elements", block.elements, path);
        const elements = block.elements as Json[];
        for (const [j, e] of elements.entries()) element(e, `${path}.elements[${j}]`);
        if (elements.filter((e) => e.style === "primary").length > 1) problems.push(`${path}: two primary buttons`);
        break;
      }
      default:
        problems.push(`${path}: unknown block ${String(block.type)}`);
    }
  }
  return problems;
}

/** Every text that Slack reads marks in. */
export function marksIn(message: { text?: unknown; blocks?: unknown }): string[] {
  const found: string[] = typeof message.text === "string" ? [message.text] : [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === "object" && value !== null) {
      const object = value as Json;
      if (object.type === "mrkdwn" && typeof object.text === "string") found.push(object.text);
      Object.values(object).forEach(walk);
    }
  };
  walk(message.blocks);
  return found;
}
