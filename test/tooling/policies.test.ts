import { globSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseAllDocuments } from "yaml";
import { tryDestination } from "../../src/app/doctor/destination.ts";
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
  /** Permissions that the calls on one secret need. */
  const usedOn = (calls: readonly string[], name: string) =>
    sorted(calls.flatMap((call) => (call.endsWith(` ${name}`) ? (PERMISSION[call.split(" ")[0] ?? ""] ?? []) : [])));
  const role = (name: string) => sorted((json(name) as GoogleRole).includedPermissions);

  it("every method that the code calls is known here with its permission", () => {
    expect(called.filter((method) => !(method in PERMISSION))).toEqual([]);
    expect(called).toContain("accessSecretVersion");
  });

  it("together they grant exactly what the code calls, each role no more than the store asks for", () => {
    expect(role("google-secret-role.json")).toEqual(sorted(ON_SECRET));
    expect(role("google-companion-role.json")).toEqual(sorted(ON_COMPANION));
    const needed = called.flatMap((method) => PERMISSION[method] ?? []);
    expect(sorted(googleFiles.flatMap(role))).toEqual(sorted(needed));
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
    expect(usedOn(r.calls, "app")).toEqual(role("google-secret-role.json"));
    expect(usedOn(r.calls, "app-keyturn-pending")).toEqual(role("google-companion-role.json"));
  });

  it.each(["provisioned", "create"] as const)(
    "what doctor tries (companions: %s) is within the roles, each where it is bound",
    async (companion) => {
      const r = await rig();
      const store = await r.open({ companion });
      expect(await tryDestination(store, r.dest(), "keyturn")).toMatchObject({
        level: "pass",
        message: expect.stringContaining("staged, read back and discarded") as string,
      });
      expect(usedOn(r.calls, "app").filter((each) => !role("google-secret-role.json").includes(each))).toEqual([]);
      const onCompanion = usedOn(r.calls, "app-keyturn-pending");
      expect(onCompanion).toEqual(
        expect.arrayContaining(["secretmanager.versions.add", "secretmanager.versions.destroy"]),
      );
      expect(onCompanion.filter((each) => !role("google-companion-role.json").includes(each))).toEqual([]);
    },
  );

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

describe("files", () => {
  it("what doctor tries makes only files that the page names, for their owner alone, and leaves none with a value", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kt-policies-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "app.env"), `ANTHROPIC_API_KEY=${OUTGOING}\n`, { mode: 0o640 });
    const kind = STORES["dotenv-file"];
    const store = await kind!.open({ directory }, "files");
    onTestFinished(() => store.close());
    const made = new Set<string>();
    const look = async () => {
      for (const name of await readdir(directory)) {
        if (name === "app.env") continue;
        made.add(name);
        expect([name, (await stat(join(directory, name))).mode & 0o777]).toEqual([name, 0o600]);
      }
    };
    const stage = store.stage.bind(store);
    store.stage = async (...given) => {
      const staged = await stage(...given);
      await look();
      return staged;
    };
    const location = { directory };
    const dest = { store: "files", type: "dotenv-file", location, secret: "app.env", field: "ANTHROPIC_API_KEY" };
    expect(await tryDestination(store, dest, "keyturn")).toMatchObject({ level: "pass" });
    await look();
    expect(made).toContain(".app.env.keyturn-pending");
    expect([...made].filter((name) => !/^\.app\.env\.keyturn-(pending|lock|marks)$/.test(name))).toEqual([]);
    expect(await readdir(directory)).not.toContain(".app.env.keyturn-pending");
    expect((await stat(join(directory, "app.env"))).mode & 0o777).toBe(0o640);
  });
});

describe("Roles of Kubernetes", () => {
  interface KubernetesRole {
    kind: string;
    metadata: { name: string; namespace?: string };
    rules?: { resources: string[]; resourceNames?: string[]; verbs: string[] }[];
    roleRef?: { kind: string; name: string };
  }
  const objectsIn = (name: string) =>
    parseAllDocuments(readFileSync(`${FOLDER}/${name}`, "utf8")).map((each) => each.toJS() as KubernetesRole);
  const files = readdirSync(FOLDER).filter((name) => name.startsWith("kubernetes-"));
  const rulesIn = (name: string) => objectsIn(name).flatMap(({ rules }) => rules ?? []);

  it.each(files)("%s: one Role of a namespace and its binding; no Secrets, no wildcard, no way into a pod", (name) => {
    const [role, binding, ...more] = objectsIn(name);
    expect([role?.kind, binding?.kind, more]).toEqual(["Role", "RoleBinding", []]);
    expect(binding?.roleRef).toMatchObject({ kind: "Role", name: role?.metadata.name });
    expect([role?.metadata.namespace, binding?.metadata.namespace]).toEqual(["keyturn", "keyturn"]);
    const all = rulesIn(name).flatMap(({ resources, verbs }) => [...resources, ...verbs]);
    expect(all.filter((each) => /\*|secrets|exec|attach|ephemeral|portforward|token|escalate|bind/.test(each))).toEqual(
      [],
    );
  });

  it("the Role for manual runs has nothing but what a manual run needs", () => {
    const rules = rulesIn("kubernetes-manual-run.yaml").map(({ resources, resourceNames, verbs }) => ({
      resources: resources.join(),
      only: resourceNames ?? null,
      verbs: verbs.join(),
    }));
    expect(rules).toEqual([
      { resources: "cronjobs", only: ["keyturn-scan"], verbs: "get" },
      { resources: "jobs", only: null, verbs: "create,get,list,watch" },
      { resources: "pods", only: null, verbs: "get,list,watch" },
      { resources: "pods/log", only: null, verbs: "get" },
    ]);
  });

  it("the Role for looking changes nothing", () => {
    expect(sorted(rulesIn("kubernetes-look.yaml").flatMap(({ verbs }) => verbs))).toEqual(["get", "list", "watch"]);
  });

  it("the chart makes no Role and asks for no token", () => {
    const templates = globSync("helm/keyturn/templates/**/*").filter((file) => /\.(ya?ml|tpl)$/.test(file));
    expect(templates.length).toBeGreaterThan(10);
    const kinds = templates.filter((file) => /kind: (Cluster)?Role/.test(readFileSync(file, "utf8")));
    expect(kinds).toEqual([]);
    expect(readFileSync("helm/keyturn/values.yaml", "utf8")).toMatch(/^ {2}automount: false$/m);
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
