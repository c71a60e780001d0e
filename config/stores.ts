import { z } from "zod";
import { STORES } from "../src/stores/index.ts";
import { didYouMean, section } from "./fields.ts";

/** A `stores:` entry: `type` and the options that the store's own file declares. */
export interface StoreConfig {
  type: string;
  [option: string]: unknown;
}

/** Known by name so that the message can say more than "unknown". */
const NOT_YET = ["aws-ssm-parameter-store", "hashicorp-vault", "azure-key-vault", "kubernetes-secret"];

export const storeTypes = (): string[] => Object.keys(STORES);

function wrongType(given: unknown): string {
  const available = `available: ${storeTypes().join(", ")}`;
  if (given === undefined) return `needs a type; ${available}`;
  if (typeof given !== "string") return `has a type that is not a text; ${available}`;
  if (NOT_YET.includes(given)) return `has type ${given}, which is not available in this version; ${available}`;
  return `has the unknown type ${given}${didYouMean(given, storeTypes()) || `; ${available}`}`;
}

const options = Object.entries(STORES).map(([type, kind]) => {
  if (!(kind.options instanceof z.ZodObject)) throw new TypeError(`the options of ${type} must be an object schema`);
  return section({ type: z.literal(type), ...(kind.options.shape as z.ZodRawShape) });
});

/** One alternative per store type, told apart by `type`. */
export const storeSchema = z.discriminatedUnion("type", options as [(typeof options)[number]], {
  error: (issue) =>
    issue.code === "invalid_union" ? wrongType((issue.input as { type?: unknown } | null)?.type) : undefined,
}) as unknown as z.ZodType<StoreConfig, StoreConfig>;

/** The options without `type`, as the store's file wants them. */
export function storeOptions({ type: _type, ...rest }: StoreConfig): Record<string, unknown> {
  return rest;
}
