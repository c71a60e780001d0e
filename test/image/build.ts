import { join } from "node:path";
import { type StandIns, makeStandIns } from "./stand-in.ts";
import { type Tools, openTools } from "./tools.ts";

export const ROOT = join(import.meta.dirname, "../..");
/** Whom the container runs as. */
export const USER = 65532;

/** The image of this checkout's Dockerfile, on stand-in bases that are named by digest as a release names the real ones. */
export interface Built extends Tools {
  image: string;
  bases: StandIns;
  /** Builds once more from nothing. @returns the digest of what there is then */
  rebuild(): Promise<string>;
  digest(): Promise<string>;
}

const IMAGE = "localhost/keyturn:test";

/** About half a minute, most of it `npm ci`. Whoever calls it closes it. */
export async function buildImage(): Promise<Built> {
  const tools = await openTools();
  try {
    const bases = await makeStandIns(tools);
    const build = () =>
      tools.buildah(
        ...["build", "--pull-never", "--no-cache", "--isolation", "chroot", "--format", "docker", "--timestamp", "0"],
        ...["--build-arg", `BUILD_IMAGE=${bases.build}`, "--build-arg", `RUNTIME_IMAGE=${bases.runtime}`],
        ...["--tag", IMAGE, ROOT],
      );
    const digest = async () => (await tools.podman("image", "inspect", "--format", "{{.Digest}}", IMAGE)).stdout.trim();
    await build();
    return { ...tools, image: IMAGE, bases, digest, rebuild: async () => build().then(digest) };
  } catch (error) {
    await tools.close();
    throw error;
  }
}
