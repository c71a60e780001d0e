#!/usr/bin/env node
// The `keyturn` command: runs from any folder, paths in arguments mean what they mean there.
import { join } from "node:path";
import { ROOT, start } from "./start.mjs";

await start("node", [join(ROOT, "src", "cli", "main.ts"), ...process.argv.slice(2)]);
