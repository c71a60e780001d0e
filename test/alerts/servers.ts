import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import { eventually } from "../support/quiet-log.ts";

/** A loaded machine is slow, not wrong. */
const START_MS = 60_000;

export interface Running {
  url: string;
  stop(): Promise<void>;
}

/** An alert as Alertmanager hands it on. */
export interface Told {
  status: "firing" | "resolved";
  labels: Record<string, string>;
  annotations: Record<string, string>;
  generatorURL: string;
}

/** A webhook of a pager: keeps every alert that it is told, in order. */
export async function startReceiver(): Promise<Running & { told: Told[] }> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      told.push(...(JSON.parse(body) as { alerts: Told[] }).alerts);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    told,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Debian's `prometheus`, which scrapes and evaluates each second. Missing: the test fails, it is not skipped. */
export async function startPrometheus(
  dir: string,
  given: { scrape: string; rules: string; alertmanager: string },
): Promise<Running & { query(expr: string): Promise<{ metric: Record<string, string>; value: number }[]> }> {
  const host = `127.0.0.1:${await freePort()}`;
  await mkdir(join(dir, "tsdb"), { recursive: true });
  await writeFile(join(dir, "rules.yaml"), given.rules);
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [join(dir, "rules.yaml")],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [given.alertmanager.replace("http://", "")] }] }] },
    scrape_configs: [{ job_name: "keyturn", static_configs: [{ targets: [given.scrape] }] }],
  };
  await writeFile(join(dir, "prometheus.yaml"), stringify(config));
  const running = await start("prometheus", host, [
    `--config.file=${join(dir, "prometheus.yaml")}`,
    `--storage.tsdb.path=${join(dir, "tsdb")}`,
    `--web.listen-address=${host}`,
    "--log.level=warn",
  ]);
  return {
    ...running,
    query: async (expr) => {
      const answer = await fetch(`${running.url}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`);
      const { data } = (await answer.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
  };
}

/** Debian's `prometheus-alertmanager`, which hands every alert on at once, and its end too. */
export async function startAlertmanager(dir: string, webhook: string): Promise<Running> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    route: {
      receiver: "pager",
      group_by: ["alertname", "rotation"],
      group_wait: "0s",
      group_interval: "1s",
      repeat_interval: "1h",
    },
    receivers: [{ name: "pager", webhook_configs: [{ url: webhook, send_resolved: true }] }],
  };
  await writeFile(join(dir, "alertmanager.yaml"), stringify(config));
  return start("prometheus-alertmanager", host, [
    `--config.file=${join(dir, "alertmanager.yaml")}`,
    `--storage.path=${join(dir, "alertmanager")}`,
    `--web.listen-address=${host}`,
    // It is alone.
    "--cluster.listen-address=",
    "--log.level=warn",
  ]);
}

async function start(command: string, host: string, args: readonly string[]): Promise<Running> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  let failed: Error | null = null;
  child.once("error", (error) => (failed = error));
  const url = `http://${host}`;
  const ready = async () => {
    if (failed !== null) throw failed;
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${said}`);
    return fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  try {
    await eventually(ready, START_MS);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { url, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const hard = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(hard);
}

/** Free at this moment; these servers cannot say which one they took. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
