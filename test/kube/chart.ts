import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const CHART = join(import.meta.dirname, "../../helm/keyturn");

export interface Values {
  /** `default`, or the file's name without `-values.yaml`. */
  name: string;
  /** Arguments for helm. */
  args: readonly string[];
}

/** The chart as it comes, and with each file of examples that it carries: `helm/keyturn/ci/<name>-values.yaml`. */
export function valuesFiles(): Values[] {
  const folder = join(CHART, "ci");
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith("-values.yaml")) : [];
  return [
    { name: "default", args: [] },
    ...files.toSorted().map((file) => ({
      name: file.slice(0, -"-values.yaml".length),
      args: ["--values", join(folder, file)],
    })),
  ];
}
