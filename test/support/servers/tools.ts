import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The Go module that pins every tool and everything the tools are made of: go.mod and go.sum. */
export const MODULE = join(import.meta.dirname, "../../servers");

interface Tool {
  /** The module that holds it; go.mod says which version. */
  module: string;
  /** The folder of its `main` in the module; "" is the module itself. Module and folder are a `tool` line of go.mod. */
  main: string;
  /** What the builders of its releases set by the linker; versions are of the form `1.36.3`. */
  stamps?: (version: string, kubernetes: string) => Record<string, string>;
}

/**
 * What can be built. The stamps matter: without them helm 3 renders for Kubernetes 1.20 when it asks no cluster, and the
 * apiserver says it is version 0.0.0, which charts and clients refuse.
 */
const TOOLS = {
  helm: {
    module: "helm.sh/helm/v3",
    main: "/cmd/helm",
    stamps: (version, kubernetes) => ({
      "helm.sh/helm/v3/internal/version.version": `v${version}`,
      "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major(kubernetes),
      "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor(kubernetes),
      "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major(kubernetes),
      "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor(kubernetes),
    }),
  },
  helm4: {
    module: "helm.sh/helm/v4",
    main: "/cmd/helm",
    stamps: (version) => ({ "helm.sh/helm/v4/internal/version.version": `v${version}` }),
  },
  // What helm's plugin `unittest` runs; it works alone too: `untt <chart>`.
  untt: { module: "github.com/helm-unittest/helm-unittest", main: "/cmd/helm-unittest" },
  kubeconform: { module: "github.com/yannh/kubeconform", main: "/cmd/kubeconform" },
  etcd: { module: "go.etcd.io/etcd/server/v3", main: "" },
  "kube-apiserver": {
    module: "k8s.io/kubernetes",
    main: "/cmd/kube-apiserver",
    stamps: (version) => ({
      "k8s.io/component-base/version.gitVersion": `v${version}`,
      "k8s.io/component-base/version.gitMajor": major(version),
      "k8s.io/component-base/version.gitMinor": minor(version),
    }),
  },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;
export const TOOL_NAMES = Object.keys(TOOLS) as readonly ToolName[];

const major = (version: string): string => version.split(".")[0] ?? "";
const minor = (version: string): string => version.split(".")[1] ?? "";

export interface Recipe {
  name: ToolName;
  /** As go.mod pins it, without the `v`. */
  version: string;
  /** What `go build` is to build, an import path. */
  target: string;
  ldflags: string;
  /** Differs as soon as any part of the binary may: a file name with it is never stale. */
  key: string;
}

/** How to build a tool. @throws when go.mod does not pin its module */
export function recipe(name: ToolName): Recipe {
  const tool: Tool = TOOLS[name];
  const pins = [readFileSync(join(MODULE, "go.mod"), "utf8"), readFileSync(join(MODULE, "go.sum"), "utf8")] as const;
  const version = pinned(pins[0], tool.module);
  const stamps = tool.stamps?.(version, pinned(pins[0], TOOLS["kube-apiserver"].module)) ?? {};
  const ldflags = ["-s -w", ...Object.entries(stamps).map(([variable, value]) => `-X ${variable}=${value}`)].join(" ");
  const target = `${tool.module}${tool.main}`;
  const parts = JSON.stringify([pins, target, ldflags, process.platform, process.arch]);
  const key = createHash("sha256").update(parts).digest("hex").slice(0, 12);
  return { name, version, target, ldflags, key };
}

function pinned(goMod: string, module: string): string {
  const line = goMod.split("\n").find((each) => each.trim().startsWith(`${module} v`));
  if (line === undefined) throw new Error(`${join(MODULE, "go.mod")} does not pin ${module}`);
  return line.trim().slice(`${module} v`.length).split(" ")[0] ?? "";
}
