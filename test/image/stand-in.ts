import {
  accessSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { type Tools, done } from "./tools.ts";

/*
 * Two base images without a registry, made of this machine's own programs and the libraries these ask for. They stand in for
 * the two that the Dockerfile names: one like Node's own with npm and a shell, to build in; one like distroless with nothing
 * but Node, to run. Neither has the real one's size or weaknesses: say nothing about those from here.
 */
export interface StandIns {
  /** For BUILD_IMAGE, by digest. */
  build: string;
  /** For RUNTIME_IMAGE, by digest. */
  runtime: string;
}

/** What `RUN npm ci` and `RUN node …` need beside Node: a shell for the line, `env` for npm's first line. */
const BUILD_PROGRAMS = { "/bin/sh": "sh", "/usr/bin/env": "env" };

export async function makeStandIns(tools: Tools): Promise<StandIns> {
  const runtime = join(tools.dir, "runtime");
  await install(runtime, process.execPath, "/nodejs/bin/node");
  basics(runtime);
  const distroless = ["--user", "65532", "--entrypoint", '["/nodejs/bin/node"]'];
  const shipped = await commit(tools, "scratch", runtime, "stand-in/distroless", distroless);

  // On top of the other, because Node is large and the copying takes most of the time.
  const build = join(tools.dir, "build");
  for (const [to, name] of Object.entries(BUILD_PROGRAMS)) await install(build, onPath(name), to);
  const env = (await npmFor(build)).flatMap((each) => ["--env", each]);
  const node = ["--user", "0", "--entrypoint", "[]", ...env];
  return {
    runtime: shipped,
    build: await commit(tools, "localhost/stand-in/distroless", build, "stand-in/node", node),
  };
}

/** A program and every library that it is linked with, at the places where its loader looks. */
async function install(root: string, program: string, to: string): Promise<void> {
  const file = realpathSync(program);
  place(file, join(root, to));
  for (const [, library] of (await done("ldd", [file])).matchAll(/^\s+(?:\S+ => )?(\/\S+) \(/gm))
    if (library !== undefined) place(realpathSync(library), join(root, library));
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
  chmodSync(to, 0o755);
}

function basics(root: string): void {
  for (const folder of ["etc", "root", "tmp"]) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/tmp:/sbin/nologin\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnonroot:x:65532:\n");
}

/** npm as this machine has it, with its registry and the certificates it trusts. @returns variables for the image */
async function npmFor(root: string): Promise<string[]> {
  const npm = dirname(dirname(realpathSync(onPath("npm"))));
  cpSync(npm, join(root, "usr/local/lib/node_modules/npm"), { recursive: true });
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
  const registry = await done(onPath("npm"), ["config", "get", "registry"]);
  const env = [`npm_config_registry=${registry}`, "PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin"];
  const certificates = "/etc/ssl/certs/ca-certificates.crt";
  if (!existsSync(certificates)) return env;
  place(realpathSync(certificates), join(root, certificates));
  return [...env, `NODE_EXTRA_CA_CERTS=${certificates}`];
}

/** @throws Error when it is not installed */
function onPath(name: string): string {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    try {
      accessSync(join(folder, name));
      return join(folder, name);
    } catch {
      // The next folder may have it.
    }
  }
  throw new Error(`${name} is not on PATH`);
}

async function commit(tools: Tools, from: string, root: string, name: string, settings: string[]): Promise<string> {
  const container = await tools.buildah("from", "--pull-never", from);
  await tools.buildah("add", "--quiet", container, root, "/");
  await tools.buildah("config", ...settings, container);
  await tools.buildah("commit", "--quiet", "--rm", container, `localhost/${name}:latest`);
  const digest = await tools.podman("image", "inspect", "--format", "{{.Digest}}", `localhost/${name}:latest`);
  return `localhost/${name}@${digest.stdout.trim()}`;
}
