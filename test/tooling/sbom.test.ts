import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { cycloneDx, licenceList, type Lock, productionPackages } from "../../scripts/sbom.ts";

interface Bom {
  metadata: { component: { name: string; version: string } };
  components: {
    "bom-ref": string;
    name: string;
    version: string;
    purl: string;
    hashes?: { alg: string; content: string }[];
    licenses: { license?: { id: string } }[];
  }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}
const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, Record<string, string>>;
const bomOf = (from: Lock) => cycloneDx(from) as Bom;
const bom = bomOf(lock);
const names = bom.components.map(({ name }) => name);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
/** Runs the script as `npm run sbom` does. */
function written(): { bom: string; licences: string; said: string } {
  const folder = mkdtempSync(join(tmpdir(), "keyturn-sbom-"));
  folders.push(folder);
  const said = execFileSync(process.execPath, ["scripts/sbom.ts", folder], { encoding: "utf8" });
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { bom: read("keyturn.cdx.json"), licences: read("licences.md"), said };
}

describe("npm run sbom", () => {
  it("writes the same bytes each time, and the packages in the order of their names", () => {
    const [first, second] = [written(), written()];
    expect(second).toEqual({ ...first, said: second.said });
    const purls = bom.components.map(({ purl }) => purl);
    expect(purls).toEqual(purls.toSorted());
    expect(new Set(purls).size).toBe(purls.length);
  });

  it("says nothing of a time, a machine or a registry", () => {
    const { bom: text, licences } = written();
    expect(text).not.toMatch(/https?:|registry|resolved|timestamp|serialNumber|urn:uuid|\/tmp|\/home|\/work/);
    expect(licences).not.toMatch(/https?:|registry|\/tmp|\/home|\/work/);
  });

  it.each(Object.keys(manifest["dependencies"] ?? {}))("names %s in the version that the manifest pins", (name) => {
    expect(bom.components.filter((c) => c.name === name).map((c) => c.version)).toContain(
      manifest["dependencies"]?.[name],
    );
  });

  it("names nothing that only developers have, and none of the optional packages that an image leaves out", () => {
    const left = [
      ...Object.keys(manifest["devDependencies"] ?? {}),
      ...Object.keys(manifest["optionalDependencies"] ?? {}),
    ];
    expect(names.filter((name) => left.includes(name))).toEqual([]);
  });

  it("is everything that can be reached from Keyturn, and nothing else", () => {
    const needs = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const self = bom.dependencies[0]?.ref ?? "";
    const reached = new Set<string>();
    const open = [self];
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      if (reached.has(ref)) continue;
      reached.add(ref);
      open.push(...(needs.get(ref) ?? []));
    }
    reached.delete(self);
    expect([...reached].toSorted()).toEqual(bom.components.map(({ purl }) => purl));
  });

  it("gives each package its digest of the lock file and a licence that SPDX knows by an identifier", () => {
    for (const { purl, hashes, licenses } of bom.components) {
      expect(hashes?.[0]?.content, purl).toMatch(/^[0-9a-f]{128}$/);
      expect(licenses[0]?.license?.id, purl).toMatch(/^(0BSD|Apache-2\.0|BSD-[23]-Clause|ISC|MIT)$/);
    }
  });

  it("lists every package with its licence, and where the text is", () => {
    const list = written().licences;
    for (const { name, version, licenses } of bom.components)
      expect(list).toContain(`| ${name} | ${version} | ${licenses[0]?.license?.id ?? ""} | `);
  });
});

describe("an SBOM of a lock file", () => {
  const small: Lock = {
    packages: {
      "": { version: "1.2.3", license: "Apache-2.0", dependencies: { "@one/a": "1.0.0", b: "1.0.0" } },
      "node_modules/b": { version: "2.0.0", license: "(weird)" },
      "node_modules/@one/a": { version: "1.0.0", license: "MIT OR ISC", dependencies: { b: "^1.0.0", c: "1.0.0" } },
      "node_modules/@one/a/node_modules/b": { version: "1.0.0", integrity: "sha512-AAEC" },
      "node_modules/c": { version: "1.0.0", license: "ISC", optional: true },
      "node_modules/d": { version: "1.0.0", license: "ISC", dev: true },
      "node_modules/e": { version: "1.0.0", license: "ISC", devOptional: true },
    },
  };

  it("finds the version that a package would load, not the one at the top", () => {
    const { dependencies } = bomOf(small);
    expect(dependencies).toEqual([
      { ref: "pkg:npm/keyturn@1.2.3", dependsOn: ["pkg:npm/%40one/a@1.0.0", "pkg:npm/b@2.0.0"] },
      { ref: "pkg:npm/%40one/a@1.0.0", dependsOn: ["pkg:npm/b@1.0.0"] },
      { ref: "pkg:npm/b@1.0.0", dependsOn: [] },
      { ref: "pkg:npm/b@2.0.0", dependsOn: [] },
    ]);
  });

  it("states licences as they are: an identifier, an expression, a name, or none", () => {
    expect(bomOf(small).components.map(({ purl, licenses }) => [purl, licenses])).toEqual([
      ["pkg:npm/%40one/a@1.0.0", [{ expression: "MIT OR ISC" }]],
      ["pkg:npm/b@1.0.0", []],
      ["pkg:npm/b@2.0.0", [{ license: { name: "(weird)" } }]],
    ]);
    expect(bomOf(small).components[1]?.hashes).toEqual([{ alg: "SHA-512", content: "000102" }]);
    const list = licenceList(productionPackages(small), () => null);
    expect(list).toContain("| b | 1.0.0 | none stated | none in the package |");
  });
});
