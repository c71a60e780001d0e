/*
 * Loaded before the demo's long-running processes (`node --import`). Their standard input is a pipe from the demo:
 * when it ends, the demo is gone, however it ended, and they end as if told to.
 */
const end = (): void => void process.kill(process.pid, "SIGTERM");

process.stdin.once("end", end);
process.stdin.once("error", end);
process.stdin.resume();
process.stdin.unref();
