import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { stringify } from "yaml";
import { tool } from "./build.ts";
import { type Child, freePort, startChild } from "./child.ts";

/** An object as the API serves it. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
}

export interface Answer {
  status: number;
  /** Of the `Warning` headers: unknown and deprecated fields, pod security. */
  warnings: string[];
  body: unknown;
}

export interface Kubernetes {
  url: string;
  /** A file for KUBECONFIG; its user is a cluster administrator. */
  kubeconfig: string;
  /** One request as the administrator. `body` is sent as JSON, whatever `type` says. Never throws for a status. */
  ask(method: string, path: string, body?: unknown, type?: string): Promise<Answer>;
  /** Ends both servers and removes their folder. */
  stop(): Promise<void>;
}

/**
 * A real kube-apiserver with its own etcd, on free ports of the loopback address; both are built first if need be. There
 * are no controllers and no kubelet: nothing makes pods of a Deployment, nothing runs a pod, nothing collects what an
 * owner leaves behind. Admission is as in a real cluster, pod security included.
 */
export async function startKubernetes(): Promise<Kubernetes> {
  const [etcd, apiserver] = [await tool("etcd"), await tool("kube-apiserver")];
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(etcd, apiserver);
    } catch (error) {
      // Somebody else may take a port between finding it free and listening on it.
      if (tries === 3 || !String(error).includes("address already in use")) throw error;
    }
  }
}

async function startOnce(etcd: string, apiserver: string): Promise<Kubernetes> {
  const folder = await mkdtemp(join(tmpdir(), "kt-kube-"));
  const children: Child[] = [];
  const stop = async () => {
    for (const child of children.toReversed()) await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [store, peer, port] = [await freePort(), await freePort(), await freePort()];
    const etcdUrl = `http://127.0.0.1:${store}`;
    const keeper = await startChild("etcd", etcd, etcdFlags(folder, etcdUrl, peer), join(folder, "etcd.log"));
    children.push(keeper);
    await keeper.until(() => fetch(`${etcdUrl}/health`).then((answer) => answer.ok), START_MS);

    const token = randomBytes(16).toString("hex");
    await writeFile(join(folder, "tokens.csv"), `${token},admin,1,"system:masters"\n`);
    await writeFile(join(folder, "accounts.pem"), accountsKey());
    const flags = apiserverFlags(folder, etcdUrl, port);
    const server = await startChild("kube-apiserver", apiserver, flags, join(folder, "apiserver.log"));
    children.push(server);

    const url = `https://127.0.0.1:${port}`;
    // It makes its own certificate while it starts, so the client has to wait for the file.
    let agent: Agent | null = null;
    const ask: Kubernetes["ask"] = async (method, path, body, type = "application/json") => {
      agent ??= new Agent({ connect: { ca: await readFile(join(folder, "apiserver.crt"), "utf8") } });
      const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": type }) };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await request(`${url}${path}`, { dispatcher: agent, method, headers, ...sent });
      const text = await answer.body.text();
      const warnings = [answer.headers["warning"] ?? []].flat().map((line) => line.replace(/^299 - /, ""));
      return { status: answer.statusCode, warnings, body: readJson(text) };
    };
    await server.until(async () => (await ask("GET", "/readyz")).status === 200, START_MS);

    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, configFor(url, await readFile(join(folder, "apiserver.crt")), token), { mode: 0o600 });
    return {
      url,
      kubeconfig,
      ask,
      async stop() {
        await agent?.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Each takes some 5 s alone; a busy machine may need many times that. */
const START_MS = 120_000;

const etcdFlags = (folder: string, url: string, peer: number): string[] => [
  `--data-dir=${join(folder, "etcd")}`,
  `--listen-client-urls=${url}`,
  `--advertise-client-urls=${url}`,
  `--listen-peer-urls=http://127.0.0.1:${peer}`,
  `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
  `--initial-cluster=default=http://127.0.0.1:${peer}`,
  // It is thrown away in the end, so there is nothing to survive a crash for.
  "--unsafe-no-fsync",
];

const apiserverFlags = (folder: string, etcdUrl: string, port: number): string[] => [
  `--etcd-servers=${etcdUrl}`,
  "--bind-address=127.0.0.1",
  "--advertise-address=127.0.0.1",
  `--secure-port=${port}`,
  `--cert-dir=${folder}`,
  `--token-auth-file=${join(folder, "tokens.csv")}`,
  "--authorization-mode=RBAC",
  "--service-account-issuer=https://kubernetes.default.svc",
  `--service-account-signing-key-file=${join(folder, "accounts.pem")}`,
  `--service-account-key-file=${join(folder, "accounts.pem")}`,
  "--service-cluster-ip-range=10.0.0.0/24",
];

const accountsKey = (): string =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" }).toString();

const configFor = (server: string, ca: Buffer, token: string): string =>
  stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": ca.toString("base64") } }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
  });

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // /readyz and some refusals are plain words
  }
}
