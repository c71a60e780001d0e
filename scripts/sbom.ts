/**
 * `npm run sbom [-- <folder>]`: what an image of Keyturn is made of. Writes `keyturn.cdx.json` (CycloneDX 1.6) and
 * `licences.md` into `dist/`, or into the folder named. Read from the lock file alone, so that the same lock file gives
 * the same bytes on every machine; only the names of licence files come from `node_modules`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isUnused } from "./image/prune-rules.ts";

interface LockEntry {
  version?: string;
  integrity?: string;
  license?: string;
  /** Only for building and testing Keyturn. */
  dev?: boolean;
  /** May be left out: the Node of a checkout, native parts of packages. Images leave them out (Dockerfile). */
  optional?: boolean;
  devOptional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}
export interface Lock {
  packages: Record<string, LockEntry>;
}

export interface Package {
  /** Package URL, which is also its reference inside the document. */
  purl: string;
  name: string;
  version: string;
  licence: string | null;
  /** Lower-case hexadecimal; null when the lock file has none. */
  sha512: string | null;
  /** Where it lies under the root, first in the alphabet when it is there more than once. */
  path: string;
  dependsOn: string[];
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
/** Of a package, from its place in the lock file. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
const isInImage = (path: string, entry: LockEntry): boolean =>
  !(entry.dev ?? entry.optional ?? entry.devOptional ?? false) && !isUnused(nameOf(path));
/** @see https://github.com/package-url/purl-spec (type npm): the scope's `@` is encoded, its slash is not */
const purlOf = (name: string, version: string): string => `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;

/** The place that `require(name)` finds from `path`, as Node looks for it; null when it is not installed. */
function resolve(lock: Lock, path: string, name: string): string | null {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const found = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (lock.packages[found] !== undefined) return found;
    if (at === "") return null;
  }
}

function sha512Of(integrity: string | undefined): string | null {
  const base64 = /(?:^|\s)sha512-([A-Za-z0-9+/=]+)/.exec(integrity ?? "")?.[1];
  return base64 === undefined ? null : Buffer.from(base64, "base64").toString("hex");
}

/** What one place in the lock file needs at run time and an image has; sorted, each once. */
function needsOf(lock: Lock, path: string, entry: LockEntry): string[] {
  const names = { ...entry.peerDependencies, ...entry.dependencies };
  const purls = Object.keys(names).flatMap((name) => {
    const place = resolve(lock, path, name);
    const found = place === null ? undefined : lock.packages[place];
    return place === null || found?.version === undefined || !isInImage(place, found)
      ? []
      : [purlOf(name, found.version)];
  });
  return [...new Set(purls)].toSorted(byText);
}

/** The packages of an image: not for development, not optional, and used. One entry for each name and version, sorted. */
export function productionPackages(lock: Lock): Package[] {
  const found = new Map<string, Package>();
  for (const path of Object.keys(lock.packages).toSorted(byText)) {
    const entry = lock.packages[path];
    if (path === "" || entry?.version === undefined || !isInImage(path, entry)) continue;
    const name = nameOf(path);
    const purl = purlOf(name, entry.version);
    const before = found.get(purl);
    const dependsOn = needsOf(lock, path, entry);
    if (before !== undefined) before.dependsOn = [...new Set([...before.dependsOn, ...dependsOn])].toSorted(byText);
    else
      found.set(purl, {
        purl,
        name,
        version: entry.version,
        licence: entry.license ?? null,
        sha512: sha512Of(entry.integrity),
        path,
        dependsOn,
      });
  }
  return [...found.values()].toSorted((a, b) => byText(a.purl, b.purl));
}

/** An SPDX expression (`MIT OR Apache-2.0`) is one; anything else that is no single identifier is a name. */
function licencesOf(licence: string | null): object[] {
  if (licence === null) return [];
  if (/^[A-Za-z0-9.+-]+$/.test(licence)) return [{ license: { id: licence } }];
  return [/ (AND|OR|WITH) /.test(licence) ? { expression: licence } : { license: { name: licence } }];
}

/** Without a time and a serial number: they would make two documents of one lock file differ. */
export function cycloneDx(lock: Lock): object {
  const root = lock.packages[""] ?? {};
  const version = root.version ?? "0.0.0";
  const packages = productionPackages(lock);
  const self = purlOf("keyturn", version);
  const component = (p: Package) => ({
    type: "library",
    "bom-ref": p.purl,
    name: p.name,
    version: p.version,
    scope: "required",
    purl: p.purl,
    ...(p.sha512 === null ? {} : { hashes: [{ alg: "SHA-512", content: p.sha512 }] }),
    licenses: licencesOf(p.licence),
  });
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": self,
        name: "keyturn",
        version,
        purl: self,
        licenses: licencesOf(root.license ?? null),
      },
    },
    components: packages.map(component),
    dependencies: [
      { ref: self, dependsOn: needsOf(lock, "", root) },
      ...packages.map(({ purl, dependsOn }) => ({ ref: purl, dependsOn })),
    ],
  };
}

/** @param fileOf the licence file of a package, from `node_modules`; null when it has none */
export function licenceList(packages: readonly Package[], fileOf: (path: string) => string | null): string {
  const count = new Map<string, number>();
  for (const { licence } of packages)
    count.set(licence ?? "none stated", (count.get(licence ?? "none stated") ?? 0) + 1);
  const rows = packages.map(
    ({ name, version, licence, path }) =>
      `| ${name} | ${version} | ${licence ?? "none stated"} | ${fileOf(path) ?? "none in the package"} |`,
  );
  return `# Licences of what an image of Keyturn holds

Made by \`npm run sbom\` from package-lock.json; Keyturn itself is under Apache-2.0 (LICENSE). The texts are in the image, at the
path in the last column.

| licence | packages |
|---|---|
${[...count]
  .toSorted(([a], [b]) => byText(a, b))
  .map(([licence, n]) => `| ${licence} | ${n} |`)
  .join("\n")}

| package | version | licence | text |
|---|---|---|---|
${rows.join("\n")}
`;
}

/** The file with the licence text in a package, or null. @param path from the working directory */
export function licenceFile(path: string): string | null {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch {
    return null;
  }
  const name = names.toSorted(byText).find((one) => /^(licen[cs]e|copying)([.-]|$)/i.test(one));
  if (name !== undefined) return `${path}/${name}`;
  // Some have it as a chapter of their README and nowhere else.
  const readme = `${path}/README.md`;
  return names.includes("README.md") && /^(#+ *)?licen[cs]e *$/im.test(readFileSync(readme, "utf8")) ? readme : null;
}

if (import.meta.main) {
  const folder = process.argv[2] ?? "dist";
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;
  const packages = productionPackages(lock);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "keyturn.cdx.json"), `${JSON.stringify(cycloneDx(lock), null, 2)}\n`);
  writeFileSync(join(folder, "licences.md"), licenceList(packages, licenceFile));
  process.stdout.write(`${packages.length} packages: ${folder}/keyturn.cdx.json, ${folder}/licences.md\n`);
  const silent = packages.filter(({ licence }) => licence === null).map(({ purl }) => purl);
  if (silent.length > 0) {
    process.stderr.write(`no licence stated: ${silent.join(", ")}\n`);
    process.exitCode = 1;
  }
}
