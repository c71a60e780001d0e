import type { Setting } from "./values.ts";

export const REFERENCE_START = "<!-- generated from values.yaml by `npm run docs`; do not edit below -->";

/** helm/keyturn/README.md with its table replaced; what a person wrote above stays. */
export function withValuesReference(document: string, settings: readonly Setting[]): string {
  const [written] = document.split(REFERENCE_START);
  return `${(written ?? "").trimEnd()}\n\n${REFERENCE_START}\n\n${valuesReference(settings)}`;
}

function valuesReference(settings: readonly Setting[]): string {
  const lines = settings
    .flatMap(leaves)
    .map(
      (setting) =>
        `| ${[code(setting.path), typeOf(setting), defaultOf(setting), setting.description].map(cell).join(" | ")} |`,
    );
  return ["| value | type | default | meaning |", "|---|---|---|---|", ...lines, ""].join("\n");
}

const leaves = (setting: Setting): Setting[] => setting.inside?.flatMap(leaves) ?? [setting];

function typeOf({ default: value, extra }: Setting): string {
  if (extra.enum !== undefined) return extra.enum.map((each) => code(String(each))).join(", ");
  const { type }: { type?: unknown } = extra;
  if (Array.isArray(type)) return type.map((each) => (each === "integer" ? "number" : "text")).join(" or ");
  if (Array.isArray(value)) return "list";
  if (typeof value === "object") return "mapping";
  if (typeof value === "number") return "number";
  return typeof value === "boolean" ? "boolean" : "text";
}

function defaultOf({ default: value }: Setting): string {
  if (value === "" || JSON.stringify(value) === "{}" || JSON.stringify(value) === "[]") return "";
  return code(typeof value === "string" ? value : JSON.stringify(value));
}

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll("|", "\\|");
