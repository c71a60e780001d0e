export * from "../../../src/sandbox/google/server.ts";
