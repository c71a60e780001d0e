import manifest from "../../package.json" with { type: "json" };

/** Of this program, from its manifest. */
export const version = (): string => manifest.version;
