import { afterAll, beforeAll, describe } from "vitest";
import { Kit } from "./kit.ts";
import { adversityPart } from "./parts/adversity.ts";
import { fieldsPart } from "./parts/fields.ts";
import { marksPart } from "./parts/marks.ts";
import { pendingPart } from "./parts/pending.ts";
import { promotingPart } from "./parts/promoting.ts";
import { readingPart } from "./parts/reading.ts";
import { rollingBackPart } from "./parts/rolling-back.ts";
import type { StoreTraits } from "./store-world.ts";

export { expectNoKeyIn, failure } from "./kit.ts";

/** The suite that every store passes. The comments of src/ports/secret-store.ts are what it checks. */
export function secretStoreContract(traits: StoreTraits): void {
  describe(`secret store contract: ${traits.name}`, () => {
    const kit = new Kit(traits);
    beforeAll(() => kit.start(), 120_000);
    afterAll(() => kit.stop());

    readingPart(kit);
    pendingPart(kit);
    promotingPart(kit);
    rollingBackPart(kit);
    marksPart(kit);
    adversityPart(kit);
    if (traits.fields) fieldsPart(kit);
  });
}
