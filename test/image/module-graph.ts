import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, extname, join, resolve } from "node:path";

/** What a file asks for by a literal name, and how: `require` and `import` may lead to different files of one package. */
interface Wish {
  how: "require" | "import";
  name: string;
}

/** In comments too: a wish too many keeps a file too many, which does no harm. */
const WISHES: [Wish["how"], RegExp][] = [
  ["require", /\brequire(?:\.resolve)?\(\s*["']([^"'\n]+)["']\s*\)/g],
  ["import", /\b(?:import|from)\s*["']([^"'\n]+)["']/g],
  ["import", /\bimport\(\s*["']([^"'\n]+)["']\s*[,)]/g],
];

export function wishesOf(source: string): Wish[] {
  return WISHES.flatMap(([how, pattern]) =>
    [...source.matchAll(pattern)].map((match) => ({ how, name: match[1] ?? "" })),
  );
}

/** The file that Node would load, or null when there is none (an optional package) or it is Node's own. */
export function lookUp({ how, name }: Wish, from: string): string | null {
  if (isBuiltin(name) || /^[a-z]+:/.test(name)) return null;
  try {
    if (how === "require") return createRequire(from).resolve(name);
    if (name.startsWith(".")) return isFile(resolve(dirname(from), name));
    return name.startsWith("#") ? insidePackage(name, from) : fromPackage(name, from);
  } catch {
    return null;
  }
}

/**
 * Every file that can be reached from `entries` by literal names, with who asks for it. What is asked for by a computed
 * name is not found; such files have to be kept for another reason.
 */
export function reachable(entries: readonly string[]): Map<string, { wish: Wish; from: string } | null> {
  const found = new Map<string, { wish: Wish; from: string } | null>(entries.map((file) => [file, null]));
  for (const file of found.keys()) {
    if (![".js", ".cjs", ".mjs", ".ts"].includes(extname(file))) continue;
    for (const wish of wishesOf(readFileSync(file, "utf8"))) {
      const to = lookUp(wish, file);
      if (to !== null && !found.has(to)) found.set(to, { wish, from: file });
    }
  }
  return found;
}

/** What `exports` of a package.json can say. @see https://nodejs.org/api/packages.html#conditional-exports */
type Target = string | null | readonly Target[] | { readonly [condition: string]: Target };
interface Manifest {
  name?: string;
  main?: string;
  exports?: Target;
  imports?: Record<string, Target>;
}
const CONDITIONS = ["node", "import", "module-sync", "default"];

const isFile = (path: string): string | null => (existsSync(path) && statSync(path).isFile() ? path : null);
const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

function fromPackage(name: string, from: string): string | null {
  const parts = name.split("/");
  const own = parts.slice(0, name.startsWith("@") ? 2 : 1).join("/");
  const rest = `.${name.slice(own.length)}`;
  for (let at = dirname(from); ; at = dirname(at)) {
    const folder = join(at, "node_modules", own);
    if (existsSync(join(folder, "package.json"))) {
      const { exports, main } = manifestIn(folder);
      if (exports !== undefined) return inTarget(exports, rest, folder);
      return rest === "." ? createRequire(from).resolve(join(folder, main ?? "index.js")) : isFile(join(folder, rest));
    }
    if (at === dirname(at)) return null;
  }
}

function insidePackage(name: string, from: string): string | null {
  for (let at = dirname(from); at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, "package.json"))) return inTarget(manifestIn(at).imports ?? {}, name, at);
  }
  return null;
}

function inTarget(target: Target, wanted: string, folder: string): string | null {
  if (target === null) return null;
  if (typeof target === "string") return isFile(join(folder, target));
  if (Array.isArray(target))
    return (target as Target[]).map((each) => inTarget(each, wanted, folder)).find(Boolean) ?? null;
  for (const [key, value] of Object.entries(target as Record<string, Target>)) {
    if (key.startsWith(".") || key.startsWith("#")) {
      const star = key.indexOf("*");
      if (star < 0 && key === wanted) return inTarget(value, wanted, folder);
      const [head, tail] = [key.slice(0, star), key.slice(star + 1)];
      if (star >= 0 && wanted.startsWith(head) && wanted.endsWith(tail)) {
        const middle = wanted.slice(head.length, wanted.length - tail.length);
        const filled = JSON.parse(JSON.stringify(value).replaceAll("*", middle)) as Target;
        return inTarget(filled, wanted, folder);
      }
    } else if (CONDITIONS.includes(key)) {
      const found = inTarget(value, wanted, folder);
      if (found !== null) return found;
    }
  }
  return null;
}
