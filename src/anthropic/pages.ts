import { setImmediate as nextTurn } from "node:timers/promises";
import type { AdminKey } from "../ports/key-admin.ts";
import { ask, bodyOf, type ClientDeps, invalid } from "./admin-client.ts";
import { isObject } from "./envelope.ts";
import { IdSet } from "./id-set.ts";
import { parseKey } from "./key-schema.ts";
import { safeId } from "./safe-text.ts";

const PATH = "/v1/organizations/api_keys";
const PAGE_SIZE = "1000";

interface Page {
  /** Not looked at yet. */
  items: readonly unknown[];
  /** null: this was the last page, and the API said so. */
  next: string | null;
}

/**
 * Every key in pages. The next page is fetched while this one is checked and while the caller looks at it, so memory holds
 * two pages and the network is never idle. A page that cannot be believed whole throws; the API's own SDK reads a missing `has_more` as
 * the end of the list (facts: anthropic-api.md 7). @throws ADMIN_DENIED, ADMIN_INVALID, ADMIN_UNAVAILABLE
 */
export async function* listKeyPages(
  deps: ClientDeps,
  signal?: AbortSignal,
): AsyncGenerator<readonly AdminKey[], void, undefined> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const seen = new IdSet();
  const cursors = new Set<string>();
  try {
    let coming: Promise<Page> | null = fetchPage(deps, null, either);
    while (coming !== null) {
      const { items, next }: Page = await coming;
      if (next !== null) {
        if (cursors.has(next)) throw invalid(PATH, "answered with a cursor for the second time");
        cursors.add(next);
      }
      coming = next === null ? null : fetchPage(deps, next, either);
      coming?.catch(() => undefined); // its failure is thrown when it is awaited, or does not matter any more
      await nextTurn(); // lets the request leave before a thousand keys are checked
      const fresh = items.map(keyOrThrow).filter((key) => seen.add(key.id));
      if (next !== null && fresh.length === 0)
        throw invalid(PATH, "answered with a page that holds no new key but says there are more");
      if (fresh.length > 0) yield fresh;
    }
  } finally {
    stop.abort();
  }
}

async function fetchPage(deps: ClientDeps, afterId: string | null, signal: AbortSignal): Promise<Page> {
  const query: [string, string][] = [["limit", PAGE_SIZE]];
  if (afterId !== null) query.push(["after_id", afterId]);
  return parsePage(bodyOf(PATH, await ask(deps, PATH, query, { signal, urgency: "scan" })));
}

function parsePage(body: unknown): Page {
  if (!isObject(body) || !Array.isArray(body["data"])) throw invalid(PATH, "answered with a page without `data`");
  if (typeof body["has_more"] !== "boolean") throw invalid(PATH, "answered with a page without `has_more`");
  const last = body["last_id"];
  const next = body["has_more"] ? safeId(typeof last === "string" ? last : null) : null;
  if (body["has_more"] && next === null)
    throw invalid(PATH, "answered that there are more keys, but without a usable `last_id`");
  const items: unknown[] = body["data"];
  return { items, next };
}

function keyOrThrow(item: unknown): AdminKey {
  const key = parseKey(item);
  if (typeof key === "string") throw invalid(PATH, `answered with ${key}`);
  return key;
}
