import type { KubernetesObject } from "../support/servers/kubernetes.ts";

/**
 * What of a rendered object is not in what the apiserver stored, as paths. The apiserver adds defaults, and drops what says
 * nothing (null, empty lists and objects); anything else that it changed is a value the chart should have written so.
 */
export function missingFrom(rendered: unknown, stored: unknown, path = ""): string[] {
  if (isEmpty(rendered)) return [];
  if (Array.isArray(rendered)) {
    const there = Array.isArray(stored) ? (stored as unknown[]) : [];
    return rendered.flatMap((each, at) => missingFrom(each, there[at], `${path}[${at}]`));
  }
  if (typeof rendered === "object" && rendered !== null) {
    const there = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
    return Object.entries(rendered).flatMap(([key, value]) => missingFrom(value, there[key], `${path}.${key}`));
  }
  return rendered === stored ? [] : [`${path}: ${JSON.stringify(rendered)} is stored as ${JSON.stringify(stored)}`];
}

/** What the apiserver added to a rendered object, as `field = value` for each end of the tree. */
export function addedTo(rendered: unknown, stored: unknown, field = ""): string[] {
  if (rendered === stored || isEmpty(stored)) return [];
  if (Array.isArray(stored)) {
    const there = Array.isArray(rendered) ? (rendered as unknown[]) : [];
    return stored.flatMap((each, at) => addedTo(there[at], each, field));
  }
  if (typeof stored === "object" && stored !== null) {
    const there = typeof rendered === "object" && rendered !== null ? (rendered as Record<string, unknown>) : {};
    return Object.entries(stored).flatMap(([key, value]) => addedTo(there[key], value, key));
  }
  return [`${field} = ${JSON.stringify(stored)}`];
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** What a person decided about an object: all but what the apiserver and controllers keep for themselves. */
export function decided(object: KubernetesObject): unknown {
  const { name, labels, annotations } = object.metadata;
  const rest = Object.entries(object).filter(([key]) => key !== "metadata" && key !== "status");
  return { name, labels, annotations, ...Object.fromEntries(rest) };
}
