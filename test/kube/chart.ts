import { readdirSync } from "node:fs";
import { join } from "node:path";

export const CHART = join(import.meta.dirname, "../../helm/keyturn");

export interface Values {
  /** The file's name without `-values.yaml`. */
  name: string;
  /** Arguments for helm. */
  args: readonly string[];
}

/** Each example that the chart carries, `helm/keyturn/ci/<name>-values.yaml`. Without values it cannot be installed. */
export function valuesFiles(): Values[] {
  const folder = join(CHART, "ci");
  const files = readdirSync(folder).filter((file) => file.endsWith("-values.yaml"));
  return files.toSorted().map((file) => ({
    name: file.slice(0, -"-values.yaml".length),
    args: ["--values", join(folder, file)],
  }));
}
