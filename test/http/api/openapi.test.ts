import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApi } from "../../../src/http/api/openapi.ts";
import { OPERATIONS } from "../../../src/http/api/operations.ts";
import { apiRoutes } from "../../../src/http/api/routes.ts";
import { viewOf } from "../../../src/rotation/view.ts";
import { makeWorld } from "../../support/world.ts";
import { aKey, aRotation } from "../../support/records.ts";
import { type Api, type OpenApi, anApi, schemaOf } from "./support.ts";

describe("the OpenAPI document", () => {
  let api: Api;
  let document: OpenApi;
  let text = "";
  beforeAll(async () => {
    api = await anApi();
    const response = await fetch(`${api.url}/api/v1/openapi.json`);
    text = await response.text();
    document = JSON.parse(text) as OpenApi;
  });
  afterAll(() => api.close());

  it("needs no token and names version and address", () => {
    expect(document).toMatchObject({
      openapi: "3.1.0",
      info: { version: "0.0.0" },
      servers: [{ url: "https://keyturn.example.com/api/v1" }],
    });
  });

  it("has every route, and no other", () => {
    const routes = apiRoutes({
      deps: makeWorld().deps,
      tokens: { holderOf: () => null },
      publicUrl: null,
      version: "0",
    })
      .map((route) => `${route.method} ${route.path}`)
      .filter((route) => !route.endsWith("/openapi.json"));
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} /api/v1${path}`),
    );
    expect(described.toSorted()).toEqual(routes.toSorted());
    expect(new Set(OPERATIONS.map((o) => o.id)).size).toBe(OPERATIONS.length);
  });

  it("names every part of a path as a required parameter", () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const operation of Object.values(methods)) {
        const parameters = (operation.parameters ?? []).filter((p) => p.in === "path");
        expect(parameters.map((p) => [p.name, p.required])).toEqual(named.map((name) => [name, true]));
      }
    }
  });

  it("a body is required exactly where an empty one is refused", () => {
    const required = (path: string) => document.paths[path]?.["post"]?.requestBody?.required;
    expect(required("/rotations/{id}/snooze")).toBe(true);
    expect(required("/holds")).toBe(true);
    expect(required("/rotations/{id}/approve")).toBe(false);
    expect(document.paths["/rotations"]?.["get"]?.requestBody).toBeUndefined();
  });

  it("every reference leads somewhere", () => {
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
      expect(document.components.schemas).toHaveProperty(name ?? "");
    expect([...text.matchAll(/"\$ref":"(?!#\/components\/schemas\/)/g)]).toEqual([]);
    expect(text).not.toContain('"$id"');
  });

  it("the schema of a rotation fits what is printed of one, and not what has a field too many or too few", () => {
    const schema = schemaOf(document, "Rotation");
    const view = viewOf(
      aRotation({
        replacement: aKey("apikey_new"),
        attention: { code: "held", message: "Held.", next: "wait", since: 0, looks: 1 },
      }),
    );
    schema.parse(JSON.parse(JSON.stringify(view)));
    expect(schema.safeParse({ ...view, key: "text" }).success).toBe(false);
    const { state: _state, ...rest } = view;
    expect(schema.safeParse(rest).success).toBe(false);
    expect(schema.safeParse({ ...view, state: "nowhere" }).success).toBe(false);
  });

  it("P3: holds nothing that looks like a key", () => {
    expect(text).not.toMatch(/sk-ant-/);
    expect(JSON.stringify(openApi(OPERATIONS, { version: "0", publicUrl: null }))).not.toMatch(/sk-ant-/);
  });
});
