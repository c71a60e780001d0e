import { globSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { STORES } from "../../src/stores/index.ts";
import { ON_COMPANION, ON_SECRET } from "../../src/stores/google-secret-manager/preflight.ts";
import { fingerprintOf } from "../../src/rotation/secret.ts";
import { OUTGOING, R1, REPLACEMENT, rig, secret } from "../support/google/rig.ts";

const FOLDER = "docs/policies";
const README = readFileSync(`${FOLDER}/README.md`, "utf8");
const sourceOf = (store: string): string =>
  globSync(`src/stores/${store}/*.ts`)
    .toSorted()
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
const sorted = (texts: Iterable<string>): string[] => [...new Set(texts)].toSorted();

interface Statement {
  Sid: string;
  Effect: string;
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}
interface AwsPolicy {
  Version: string;
  Statement: Statement[];
}
interface GoogleRole {
  title: string;
  includedPermissions: string[];
}
const json = (name: string): unknown => JSON.parse(readFileSync(`${FOLDER}/${name}`, "utf8"));
const awsFiles = readdirSync(FOLDER).filter((name) => /^aws-.*\.json$/.test(name));
const googleFiles = readdirSync(FOLDER).filter((name) => /^google-.*\.json$/.test(name));
const actionsOf = (policy: AwsPolicy): string[] => sorted(policy.Statement.flatMap(({ Action }) => Action));

/** What AWS asks for where a secret has a customer-managed key: to read one, and to write one. */
const KMS = ["kms:Decrypt", "kms:GenerateDataKey"];
/** Every command of the SDK that the store sends, as an action of IAM: they have the same names. */
const sent = sorted(
  [...sourceOf("aws-secrets-manager").matchAll(/\bnew (\w+)Command\(/g)].map(([, name]) => `secretsmanager:${name}`),
);

/** Which permission a method of Google's client needs. @see https://cloud.google.com/secret-manager/docs/access-control */
const PERMISSION: Record<string, string | null> = {
  accessSecretVersion: "secretmanager.versions.access",
  addSecretVersion: "secretmanager.versions.add",
  createSecret: "secretmanager.secrets.create",
  destroySecretVersion: "secretmanager.versions.destroy",
  getSecret: "secretmanager.secrets.get",
  listSecretVersions: "secretmanager.versions.list",
  testIamPermissions: null,
  updateSecret: "secretmanager.secrets.update",
  close: null,
};
const called = sorted(
  [...sourceOf("google-secret-manager").matchAll(/\bclient\.(\w+)\(/g)].map(([, name]) => name ?? ""),
);

describe("docs/policies", () => {
  it("says for every store what it needs", () => {
    for (const store of Object.keys(STORES)) {
      expect(README, store).toContain(`\n| \`${store}\` | `);
      expect(README, store).toContain(`\n## ${store}\n`);
    }
  });

  it("explains every file, and every link leads to one", () => {
    for (const name of readdirSync(FOLDER)) if (name !== "README.md") expect(README).toContain(`[${name}](${name})`);
    const there = new Set(globSync("docs/**/*.md").map((file) => file.replaceAll("\\", "/").replace(/^docs\//, "")));
    const known = new Set([...readdirSync(FOLDER), ...[...there].map((file) => `../${file}`)]);
    const links = [...README.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link ?? "");
    expect(links.filter((link) => !known.has(link))).toEqual([]);
  });
});

describe("AWS policies", () => {
  it("Keyturn's grants exactly the commands that the code sends, and KMS through Secrets Manager alone", () => {
    const policy = json("aws-keyturn.json") as AwsPolicy;
    expect(actionsOf(policy)).toEqual(sorted([...sent, ...KMS]));
    const kms = policy.Statement.find(({ Action }) => Action.some((action) => action.startsWith("kms:")));
    expect(kms?.Condition).toHaveProperty(["StringEquals", "kms:ViaService"]);
  });

  it.each(awsFiles)("%s grants nothing that the code does not use, to named secrets only", (name) => {
    const policy = json(name) as AwsPolicy;
    expect(policy.Version).toBe("2012-10-17");
    expect(actionsOf(policy).filter((action) => ![...sent, ...KMS].includes(action))).toEqual([]);
    for (const { Sid, Effect, Action, Resource } of policy.Statement) {
      expect(Effect, Sid).toBe("Allow");
      expect(Action.join(), Sid).not.toContain("*");
      for (const arn of Resource) expect(arn, Sid).toMatch(/^arn:aws:(secretsmanager:.*-\?{6}|kms:[^*]*)$/);
    }
  });

  it("tags may be set and taken off only where all of them are ours", () => {
    const policy = json("aws-keyturn.json") as AwsPolicy;
    const marks = policy.Statement.find(({ Sid }) => Sid === "KeyturnMarks");
    expect(marks?.Action).toEqual(["secretsmanager:TagResource", "secretsmanager:UntagResource"]);
    expect(marks?.Condition).toEqual({
      Null: { "aws:TagKeys": "false" },
      "ForAllValues:StringLike": { "aws:TagKeys": ["keyturn-*"] },
    });
  });

  it("docs/stores.md shows a policy with the same actions", () => {
    const block = /```json\n(\{"Version"[^]*?)```/.exec(readFileSync("docs/stores.md", "utf8"))?.[1] ?? "";
    const actions = sorted((JSON.parse(block) as AwsPolicy).Statement.flatMap(({ Action }) => Action));
    expect(actions).toEqual(actionsOf(json("aws-keyturn.json") as AwsPolicy));
  });
});

describe("Google roles", () => {
  it("every method that the code calls is known here with its permission", () => {
    expect(called.filter((method) => !(method in PERMISSION))).toEqual([]);
    expect(called).toContain("accessSecretVersion");
  });

  it("together they grant exactly what the code calls, each role no more than the store asks for", () => {
    const permissionsIn = (name: string) => sorted((json(name) as GoogleRole).includedPermissions);
    expect(permissionsIn("google-secret-role.json")).toEqual(sorted(ON_SECRET));
    expect(permissionsIn("google-companion-role.json")).toEqual(sorted(ON_COMPANION));
    const needed = called.flatMap((method) => PERMISSION[method] ?? []);
    expect(sorted(googleFiles.flatMap(permissionsIn))).toEqual(sorted(needed));
  });

  it("a value's whole way uses each role to the full, and only where the role is bound", async () => {
    const r = await rig();
    const dest = r.dest();
    await r.store.preflight(dest);
    const { baseVersion } = await r.store.stage(dest, secret(REPLACEMENT), R1);
    await r.store.readPending(dest, R1);
    await r.store.mark(dest, { phase: "stage" });
    await r.store.promote(dest, R1, baseVersion);
    await r.store.rollBack(dest, R1, fingerprintOf(REPLACEMENT), fingerprintOf(OUTGOING));
    await r.store.discardPending(dest, R1);
    const usedOn = (name: string) =>
      sorted(
        r.calls.flatMap((call) => (call.endsWith(` ${name}`) ? (PERMISSION[call.split(" ")[0] ?? ""] ?? []) : [])),
      );
    const role = (name: string) => sorted((json(name) as GoogleRole).includedPermissions);
    expect(usedOn("app")).toEqual(role("google-secret-role.json"));
    expect(usedOn("app-keyturn-pending")).toEqual(role("google-companion-role.json"));
  });

  it("what applications read can be neither destroyed nor deleted", () => {
    expect((json("google-secret-role.json") as GoogleRole).includedPermissions.join()).not.toMatch(
      /destroy|delete|disable/,
    );
  });

  it("the Terraform reads the roles from the files, names companions as the code does, and binds nothing on a project", () => {
    const text = readFileSync(`${FOLDER}/google.tf`, "utf8");
    const read = [...text.matchAll(/file\("\$\{path\.module\}\/([^"]+)"\)/g)].map(([, name]) => name ?? "");
    expect(read.filter((name) => !googleFiles.includes(basename(name)))).toEqual([]);
    expect(read).toHaveLength(2);
    expect(text).toContain('"${each.value}-keyturn-pending"');
    expect(text).not.toMatch(/google_project_iam_(member|binding|policy)|_iam_(binding|policy)"/);
    expect(text).not.toContain('"secretmanager.');
    expect(text.split("{").length).toBe(text.split("}").length);
  });
});

describe("what the page says of other services", () => {
  it("names every path of Anthropic's API that the code calls", () => {
    const paths = globSync("src/anthropic/*.ts").flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/["`](\/v1\/[a-z_/]*[a-z])/g)].map(([, path]) => path ?? ""),
    );
    expect(sorted(paths).length).toBeGreaterThan(4);
    const listed = [...README.matchAll(/`(?:GET|POST) (\/v1\/[a-z_/]*[a-z])/g)].map(([, path]) => path ?? "");
    expect(sorted(listed)).toEqual(sorted(paths));
  });

  it.each(["http", "socket"])("names the scopes of the Slack manifest (%s), and no others", (kind) => {
    const manifest = readFileSync(`docs/slack/manifest-${kind}.yaml`, "utf8");
    const scopes = [...(/bot:\n((?:\s+- \S+\n)+)/.exec(manifest)?.[1] ?? "").matchAll(/- (\S+)/g)].map(
      ([, s]) => s ?? "",
    );
    const listed = [...(/^The bot scopes of .*$/m.exec(README)?.[0] ?? "").matchAll(/`([a-z.:]+)`/g)].map(
      ([, s]) => s ?? "",
    );
    expect(sorted(listed)).toEqual(sorted(scopes));
  });
});
