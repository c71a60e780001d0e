import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { extname, join } from "node:path";
import { copy, filesIn, write } from "./files.ts";

/** `"./x.ts"` after `from`, `import` or `import(`. The formatter keeps all our imports in this form. */
const OWN_IMPORT = /(\b(?:from|import)\s*\(?\s*"\.{1,2}\/[^"\n]+)\.ts"/g;

/**
 * JavaScript of TypeScript: types become spaces, by the function with which Node itself runs the sources of a checkout. So an
 * image runs what the tests ran, stack traces name the true lines, and a build needs no compiler.
 * @throws SyntaxError for more than types, such as `enum`
 */
export const toJavaScript = (source: string): string => stripTypeScriptTypes(source).replace(OWN_IMPORT, '$1.js"');

/** Parts that only a checkout has: the demo, the simulated services it talks to, and a configuration that is somebody's own. */
const NOT_IN_AN_IMAGE = /^src\/(demo|sandbox)\/|^src\/cli\/commands\/demonstrate\.ts$|^config\/keyturn\.yaml$|(^|\/)\./;
const COPIED = new Set([".css", ".html", ".js", ".json", ".mjs", ".yaml"]);

/**
 * Writes our own files as an image has them. @param folders below `from`, such as `src` @returns how many files
 * @throws Error for a kind of file that no image was meant to have
 */
export function compile(from: string, to: string, folders: readonly string[]): number {
  const files = folders.flatMap((folder) => filesIn(join(from, folder)).map((file) => `${folder}/${file}`));
  const wanted = files.filter((file) => !NOT_IN_AN_IMAGE.test(file));
  for (const file of wanted) {
    if (file.endsWith(".ts"))
      write(join(to, file.replace(/\.ts$/, ".js")), toJavaScript(readFileSync(join(from, file), "utf8")));
    else if (COPIED.has(extname(file))) copy(join(from, file), join(to, file));
    else throw new Error(`${file}: no image was meant to have such a file; see COPIED in scripts/image/compile.ts`);
  }
  return wanted.length;
}
