/*
 * What of the production packages an image leaves out, and why. Two nets hold this honest: a quick test follows every
 * literal `require` and `import` from our sources and finds that nothing reached is left out (but for LEFT_ON_PURPOSE), and
 * the image's own tests work with every client from the pruned tree. Licence texts and package.json always stay.
 */

export interface Rule {
  why: string;
  /** Without it: the rule holds for every package. */
  packages?: RegExp;
  /** Of a path inside its package, such as `dist/esm/index.js`. */
  leavesOut: RegExp;
}

/** Asked for by command lines and type checkers only; no file of theirs is loaded by a program. Not in the SBOM either. */
export const UNUSED_PACKAGES: ReadonlyMap<string, string> = new Map([
  ...["yargs", "yargs-parser", "y18n", "cliui", "escalade", "get-caller-file", "require-directory"].map(
    (name) => [name, "only of the proto-loader-gen-types command"] as const,
  ),
  ...["string-width", "strip-ansi", "wrap-ansi", "ansi-regex", "ansi-styles", "color-convert", "color-name"].map(
    (name) => [name, "only of yargs"] as const,
  ),
  ...["emoji-regex", "is-fullwidth-code-point"].map((name) => [name, "only of yargs"] as const),
  ["web-streams-polyfill", "only where Node has no ReadableStream, and Node has had one since 18"],
  ["undici-types", "types only"],
]);

/** Whether nothing of a package is in an image. */
export const isUnused = (name: string): boolean => UNUSED_PACKAGES.has(name) || name.startsWith("@types/");

/** Files that are asked for by name and still left out: the line is never reached on the Node of an image. */
export const LEFT_ON_PURPOSE: readonly { from: RegExp; to: RegExp; why: string }[] = [
  {
    from: /fetch-blob\/streams\.cjs$/,
    to: /web-streams-polyfill\//,
    why: "behind `if (!globalThis.ReadableStream)` and a failed require of node:stream/web",
  },
];

const LICENCE = /(^|\/)(licen[cs]e|copying|notice|patents)[^/]*$/i;
const MANIFEST = /(^|\/)package\.json$/;

/** In this order: a file counts for the first rule that names it. */
export const RULES: readonly Rule[] = [
  { why: "types and sources: Node loads neither from a package", leavesOut: /\.[cm]?ts$/ },
  { why: "source maps and what compilers remember", leavesOut: /\.(map|tsbuildinfo)$/ },
  { why: "prose and pictures", leavesOut: /\.(md|markdown|html|txt|png|svg|ico)$|^(docs?|examples?)\//i },
  { why: "tests and benchmarks", leavesOut: /^(test|tests|bench|benchmarks?)\/|(^|\/)tests?\.c?js$|\.test\.c?js$/ },
  { why: "settings of other people's tools", leavesOut: /(^|\/)\.[^/]+|\.(ya?ml|flow|zip|sh)$/ },
  { why: "for bundlers; `main` is dist/cjs", packages: /^bullmq$/, leavesOut: /^dist\/esm\// },
  {
    why: "for bundlers, browsers and phones; Node takes dist-cjs",
    packages: /^(@aws|@aws-sdk|@smithy)\//,
    leavesOut: /^dist-(es|types)\/|\.(browser|native)\.js$/,
  },
  {
    why: "for browsers and bundlers; require() takes build/node",
    packages: /^luxon$/,
    leavesOut: /^(build\/(amd|cjs-browser|es6|global)|src)\//,
  },
  { why: "bundles for browsers; `main` is index.js and src", packages: /^protobufjs$/, leavesOut: /^dist\// },
  { why: "for browsers", packages: /^(pino|qs|yaml)$/, leavesOut: /^(browser\.js$|browser\/|dist\/qs\.js$)/ },
  { why: "bundles; `main` is es5.js", packages: /^bowser$/, leavesOut: /^(bundled\.js|bowser\.mjs|src\/)/ },
  {
    why: "for require(), which nobody here uses, and version 3 and the small form, which nobody asks for",
    packages: /^zod$/,
    leavesOut: /\.cjs$|^(v3|v4-mini|mini)\//,
  },
  { why: "bundles for browsers; Node takes dist/node.cjs", packages: /^msgpackr$/, leavesOut: /^dist\/(index|unpack)/ },
  {
    why: "services that Secret Manager's client never calls; of those it calls, the .json is read",
    packages: /^(google-gax|@google-cloud\/secret-manager)$/,
    leavesOut: /\.proto$|^build\/protos\/compute_operations\./,
  },
  {
    why: "the doubles for import or bundlers; Node takes the others",
    packages: /^(@opentelemetry\/.+|gaxios)$/,
    leavesOut: /^build\/(esm|esnext)\//,
  },
];

/**
 * Why an image leaves a file out, or null when it stays.
 * @param path below node_modules with slashes, such as `zod/v3/types.js` or `a/node_modules/b/index.js`
 */
export function leftOut(path: string): string | null {
  const last = path.split("/node_modules/").at(-1) ?? path;
  const parts = last.split("/");
  const name = parts.slice(0, last.startsWith("@") ? 2 : 1).join("/");
  const inside = last.slice(name.length + 1);
  // npm's own notes about the folder, such as .package-lock.json and .bin.
  if (name.startsWith(".")) return "npm's notes";
  if (isUnused(name)) return UNUSED_PACKAGES.get(name) ?? "types only";
  if (MANIFEST.test(inside) || LICENCE.test(inside)) return null;
  return RULES.find((rule) => (rule.packages?.test(name) ?? true) && rule.leavesOut.test(inside))?.why ?? null;
}
