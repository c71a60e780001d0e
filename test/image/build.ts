import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeKey } from "../support/keys.ts";
import { type StandIns, makeStandIns } from "./stand-in.ts";
import { type Tools, openTools } from "./tools.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** What a careless developer has lying about; the text of a key is in each. No image may have any of it. */
export const DECOYS = [
  ".env",
  ".git/config",
  "admin-key.pem",
  "config/keyturn.yaml",
  "data/audit.jsonl",
  "node_modules/left-over/index.js",
  "src/.env",
  "src/http/tls.key",
  "scripts/image/local.env",
  "test/notes.ts",
] as const;
export const DECOY_KEY = makeKey("image/decoy");

/** The image of this checkout's Dockerfile, on stand-in bases that are named by digest as a release names the real ones. */
export interface Built extends Tools {
  image: string;
  bases: StandIns;
  /** Builds once more from nothing. @returns the digests of the layers there are then */
  rebuild(): Promise<string[]>;
  layers(): Promise<string[]>;
  /** One program in a container of the image that goes away with it. @param flags of `podman run` */
  once(flags: readonly string[], ...args: string[]): ReturnType<Tools["podman"]>;
}

const IMAGE = "localhost/keyturn:test";
/** On a machine of its own a container has these anyway; here the tests may run in one that allows no higher limits. */
export const RUN = ["--pull=never", "--network=host", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];

/** Half a minute to a minute, most of it `npm ci`. Whoever calls it closes it. */
export async function buildImage(): Promise<Built> {
  if (process.getuid?.() !== 0) throw new Error("building an image needs root here: run this test as root");
  const tools = await openTools();
  try {
    const bases = await makeStandIns(tools);
    const context = join(tools.dir, "context");
    copyCheckout(context);
    const how = "build --pull-never --no-cache --isolation chroot --format docker --timestamp 0".split(" ");
    const onBases = [`--build-arg=BUILD_IMAGE=${bases.build}`, `--build-arg=RUNTIME_IMAGE=${bases.runtime}`];
    const build = () => tools.buildah(...how, ...onBases, `--tag=${IMAGE}`, context);
    const layers = async () => {
      const { stdout } = await tools.podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", IMAGE);
      return JSON.parse(stdout) as string[];
    };
    await build();
    return {
      ...tools,
      image: IMAGE,
      bases,
      layers,
      rebuild: () => build().then(layers),
      once: (flags, ...args) => tools.podman("run", "--rm", ...RUN, ...flags, IMAGE, ...args),
    };
  } catch (error) {
    await tools.close();
    throw error;
  }
}

function copyCheckout(to: string): void {
  const left = new Set(["node_modules", ".git", ".cache", "coverage", "dist", "data"]);
  cpSync(ROOT, to, { recursive: true, filter: (file) => !left.has(basename(file)) });
  for (const file of DECOYS) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    writeFileSync(join(to, file), `KEY=${DECOY_KEY}\n`);
  }
}
