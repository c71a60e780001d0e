import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { tool } from "../support/servers/build.ts";
import type { Kubernetes, KubernetesObject } from "../support/servers/kubernetes.ts";

export interface HelmRun {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Helm {
  /** One command; never throws for an exit code. */
  run(...args: readonly string[]): Promise<HelmRun>;
  /** One command that has to work without a word of complaint. @returns stdout @throws with what helm said */
  ok(...args: readonly string[]): Promise<string>;
  /** Removes its settings and caches. */
  remove(): Promise<void>;
}

/** The two lines of helm that people use. A chart has to work with both: 4 applies on the server's side, 3 does not. */
export const HELMS = ["helm", "helm4"] as const;

/** A helm that talks to this cluster only: no plugins, repositories or settings of whoever runs the test. */
export async function helmFor(name: (typeof HELMS)[number], kubernetes: Kubernetes): Promise<Helm> {
  const [file, home] = [await tool(name), await mkdtemp(join(tmpdir(), "kt-helm-"))];
  await mkdir(join(home, "tmp"));
  const env = { PATH: process.env["PATH"], HOME: home, TMPDIR: join(home, "tmp"), KUBECONFIG: kubernetes.kubeconfig };
  const run: Helm["run"] = (...args) =>
    new Promise((resolve, reject) => {
      const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
      const said = { stdout: "", stderr: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? 1, ...said }));
    });
  return {
    run,
    async ok(...args) {
      const { code, stdout, stderr } = await run(...args);
      // Warnings of the apiserver (unknown or deprecated fields, pod security) come out here.
      if (code !== 0 || stderr !== "") {
        throw new Error(`${name} ${args.join(" ")}: exit code ${code}\n${stderr}${code === 0 ? "" : stdout}`);
      }
      return stdout;
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

/** The objects of a manifest, in its order. Kubernetes reads YAML 1.1, where 0440 is octal. */
export function objectsOf(manifest: string): KubernetesObject[] {
  return parseAllDocuments(manifest, { version: "1.1" }).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`not YAML: ${document.errors[0]?.message}\n${manifest}`);
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}
