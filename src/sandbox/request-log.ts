import { join } from "node:path";
import { noLines, openLines } from "./lines-file.ts";
import type { LinesFile } from "./lines-file.ts";

/** What one request was and what became of it. Key text is in none of it; key ids are. */
export interface LoggedRequest {
  seq: number;
  /** Simulated and real time, RFC 3339. */
  at: string;
  realAt: string;
  method: string;
  path: string;
  query: string;
  /** `status` and `name` of a JSON body, where they are strings. */
  bodyStatus: string | null;
  bodyName: string | null;
  /** `none` and `unknown` are credentials that belong to no key. */
  credential: "admin" | "key" | "none" | "unknown" | "simulated";
  /** The key that was used, whatever its status. */
  keyId: string | null;
  version: string | null;
  /** HTTP status sent; null when nothing was sent. */
  status: number | null;
  outcome: "answered" | "dropped" | "hung" | "cut";
  /** Whether the request was carried out, told or not. */
  applied: boolean;
  faults: string[];
  requestId: string;
}

export type LogEntry = Omit<LoggedRequest, "seq">;

const FILE = "requests.jsonl";
/** In memory; the file keeps all. */
const KEPT = 50_000;
const KEYISH = /sk-ant-[A-Za-z0-9_-]{8,}/g;

/** Every request, in memory and as JSON lines that outlive a crash: each line is written before its answer is sent. */
export class RequestLog {
  readonly #entries: LoggedRequest[] = [];
  readonly #file: LinesFile;
  #seq = 0;

  constructor(directory: string | null) {
    this.#file = directory === null ? noLines : openLines(join(directory, FILE), () => (this.#seq += 1));
  }

  add(entry: LogEntry): void {
    // A client that sends a key in the wrong place must not find it on our disk.
    const clean = (text: string): string => text.replace(KEYISH, "sk-ant-…");
    const { path, query, bodyName, bodyStatus, version } = entry;
    const line: LoggedRequest = {
      seq: ++this.#seq,
      ...entry,
      path: clean(path),
      query: clean(query),
      bodyName: bodyName === null ? null : clean(bodyName),
      bodyStatus: bodyStatus === null ? null : clean(bodyStatus),
      version: version === null ? null : clean(version),
    };
    this.#file.append(JSON.stringify(line));
    this.#entries.push(line);
    if (this.#entries.length > KEPT * 2) this.#entries.splice(0, KEPT);
  }

  since(seq: number): LoggedRequest[] {
    return this.#entries.filter((entry) => entry.seq > seq);
  }

  get last(): number {
    return this.#seq;
  }

  close(): void {
    this.#file.close();
  }
}
