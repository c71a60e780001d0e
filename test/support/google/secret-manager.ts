export * from "../../../src/sandbox/google/secret-manager.ts";
