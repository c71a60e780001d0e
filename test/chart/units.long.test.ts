import { beforeAll, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { CHART, run } from "./helm.ts";

beforeAll(() => tool("untt"), BUILD_TIMEOUT_MS);

it("the chart's own unit tests pass (helm/keyturn/tests)", async () => {
  const { code, stdout, stderr } = await run("untt", CHART);
  expect({ code, said: stdout + stderr }).toEqual({
    code: 0,
    said: expect.stringMatching(/Tests: +\d{2,} passed, \d+ total/),
  });
});
