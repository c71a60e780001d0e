import { KeyturnError } from "../rotation/errors.ts";

/** Far above any key; a file piped by mistake ends here. */
const LONGEST_BYTES = 64 * 1024;

/**
 * Reads a secret: from a terminal by a prompt that echoes nothing, else all of stdin. Never from an argument, which every
 * user of the machine can read. @throws KEY_REFUSED when the input is absurdly long
 */
export async function readSecret(
  stderr: NodeJS.WritableStream,
  prompt: string,
  stdin: NodeJS.ReadStream = process.stdin,
): Promise<string> {
  return stdin.isTTY ? readHidden(stdin, stderr, prompt) : readAll(stdin);
}

async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    chunks.push(bytes);
    length += bytes.length;
    if (length > LONGEST_BYTES)
      throw new KeyturnError("KEY_REFUSED", "The input is far longer than a key.", {
        reason: "too_long",
        next: "Submit the key alone.",
      });
  }
  const all = Buffer.concat(chunks);
  const text = all.toString("utf8");
  for (const bytes of [...chunks, all]) bytes.fill(0);
  return text;
}

/** Raw mode: nothing is echoed; backspace, Ctrl-U, Ctrl-C and Ctrl-D work as people expect. */
function readHidden(stdin: NodeJS.ReadStream, stderr: NodeJS.WritableStream, prompt: string): Promise<string> {
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  return new Promise((resolve, reject) => {
    let text = "";
    const end = (finish: () => void) => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      finish();
    };
    const onData = (typed: string) => {
      for (const char of typed) {
        if (char === "\r" || char === "\n" || char === "\u0004") return end(() => resolve(text));
        if (char === "\u0003")
          return end(() => reject(new KeyturnError("USAGE", "Interrupted; nothing was submitted.")));
        if (char === "\u007f" || char === "\b") text = text.slice(0, -1);
        else if (char === "\u0015") text = "";
        // A terminal marks a paste with escape sequences; they are no part of the key.
        else text += char;
      }
      text = text.replaceAll("\u001b[200~", "").replaceAll("\u001b[201~", "");
      if (text.length > LONGEST_BYTES)
        end(() =>
          reject(
            new KeyturnError("KEY_REFUSED", "The input is far longer than a key.", {
              reason: "too_long",
              next: "Submit the key alone.",
            }),
          ),
        );
    };
    stdin.on("data", onData);
  });
}
