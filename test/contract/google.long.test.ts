import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { FIELD, PROJECT, print, R1, REPLACEMENT, rig, secret } from "../support/google/rig.ts";
import { serveGoogleRest } from "../support/google/rest.ts";

const run = promisify(execFile);

/** `gcloud secrets …` against our server, without an account; ends with the test. */
async function gcloudFor(state: Parameters<typeof serveGoogleRest>[0]) {
  const rest = await serveGoogleRest(state);
  const config = await mkdtemp(join(tmpdir(), "keyturn-gcloud-"));
  onTestFinished(async () => {
    rest.close();
    await rm(config, { recursive: true });
  });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: config,
    CLOUDSDK_CONFIG: config,
    CLOUDSDK_AUTH_DISABLE_CREDENTIALS: "true",
    CLOUDSDK_CORE_PROJECT: PROJECT,
    CLOUDSDK_CORE_DISABLE_PROMPTS: "1",
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
    CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER: rest.url,
  };
  return async (args: string[], stdin = ""): Promise<string> => {
    const running = run("gcloud", ["secrets", ...args], { env });
    running.child.stdin?.end(stdin);
    return (await running).stdout;
  };
}

/** A foreign client on the server that we wrote: gcloud checks checksums both ways and refuses what it cannot read. */
describe("gcloud and the store on one Secret Manager", () => {
  it("an operator stages with gcloud, the store promotes, an application reads it with gcloud", async () => {
    const r = await rig();
    const gcloud = await gcloudFor(r.state);
    await gcloud(["versions", "add", "app-keyturn-pending", "--data-file=-"], `${REPLACEMENT}\n`);
    const pending = await r.store.readPending(r.dest(), R1);
    expect(pending).toMatchObject({ rotationId: null, onlyOurField: true });
    const { baseVersion } = await r.store.stage(r.dest(), pending!.value, R1);
    await r.store.promote(r.dest(), R1, baseVersion);
    await r.store.discardPending(r.dest(), R1);
    const latest = await gcloud(["versions", "access", "latest", "--secret=app"]);
    expect(JSON.parse(latest)).toEqual({ [FIELD]: REPLACEMENT, DB: "one" });
    const left = await gcloud(["versions", "list", "app-keyturn-pending", "--format=value(state)"]);
    expect(left.trim().toUpperCase().split("\n")).toEqual(["DESTROYED", "DESTROYED"]);
  });

  it("annotations set with gcloud and marks of the store live side by side", async () => {
    const r = await rig();
    const gcloud = await gcloudFor(r.state);
    await r.store.mark(r.dest(), { phase: "stage" });
    await gcloud(["update", "app", "--update-annotations=owner=team-a"]);
    await r.store.mark(r.dest(), { phase: "promote" });
    expect(JSON.parse(await gcloud(["describe", "app", "--format=json(annotations)"]))).toEqual({
      annotations: { "keyturn-phase": "promote", owner: "team-a" },
    });
  });

  it("a stale etag and a disabled latest version are refused to gcloud as to us", async () => {
    const r = await rig();
    const gcloud = await gcloudFor(r.state);
    const stale = gcloud(["update", "app", "--update-annotations=a=b", '--etag="0"']);
    await expect(stale).rejects.toThrow(/etag/);
    await gcloud(["versions", "disable", "1", "--secret=app"]);
    await expect(gcloud(["versions", "access", "latest", "--secret=app"])).rejects.toThrow(
      /FAILED_PRECONDITION|DISABLED/,
    );
    await expect(r.store.stage(r.dest(), secret(REPLACEMENT), R1)).rejects.toMatchObject({ code: "STORE_CONFLICT" });
    await gcloud(["versions", "add", "app", "--data-file=-"], print({ [FIELD]: "x" }));
    expect(await r.store.read(r.dest())).toMatchObject({ version: "2" });
  });
});
