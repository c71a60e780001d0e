import { asKeyturnError } from "../../rotation/errors.ts";
import { type Finding, fail, pass, warn } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

/** Lines of one kind that are shown; the others are counted. */
const MOST = 20;

/** That it loads was shown before anything ran; here are its warnings. */
export function checkConfiguration({ configuration, settings }: Surroundings): Finding[] {
  const { file, stores, warnings } = configuration;
  const rules = settings.rules.length === 0 ? "" : `, ${count(settings.rules.length, "rule")}`;
  const parts = `${count(settings.targets.length, "target")}${rules}, ${count(stores.length, "store")}`;
  const lines = [pass("configuration", `${file} is valid: ${parts}; installation ${settings.install}`)];
  for (const { path, message } of warnings.slice(0, MOST))
    lines.push(warn("configuration", `${path}: ${message}`, `Change it in ${file}, or leave it if it is meant.`));
  const more = warnings.length - MOST;
  if (more > 0)
    lines.push(warn("configuration", `${count(more, "more warning")}`, "`keyturn config check` shows all of them."));
  return lines;
}

/** Whether everything that the configuration refers to can be read now, by this process; not whether it is right. */
export function checkSecrets({ secrets }: Surroundings): Finding[] {
  const wrong = secrets.flatMap(({ path, check }) => {
    try {
      check();
      return [];
    } catch (error) {
      const { message, next } = asKeyturnError(error);
      return [fail(`secret ${path}`, message, next)];
    }
  });
  const readable = secrets.length - wrong.length;
  const all = wrong.length === 0;
  if (all) return [pass("secrets", `${count(readable, "reference")} can be read`)];
  return wrong;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
