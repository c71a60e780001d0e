/**
 * Remembers which ids were seen, in 16 to 32 bytes each: 100,000 keys cost 2 to 4 MB, where a Set of strings costs over
 * 10. It keeps a 64-bit hash in an open-addressed table, because the order of the key list is not documented and so a
 * repeat may come any number of pages later. Two different ids share a hash once in 10^9 listings of 100,000 keys.
 */
export class IdSet {
  /** Two words per slot; both zero: free. */
  #slots = new Uint32Array(2 * 8192);
  #size = 0;

  /** True when the id was not seen before. */
  add(id: string): boolean {
    if (this.#size * 4 >= this.#slots.length) this.#grow();
    const [high, low] = hash64(id);
    const isNew = insert(this.#slots, high, low);
    if (isNew) this.#size += 1;
    return isNew;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const high = old[at] ?? 0;
      const low = old[at + 1] ?? 0;
      if (high !== 0 || low !== 0) insert(this.#slots, high, low);
    }
  }
}

function insert(slots: Uint32Array, high: number, low: number): boolean {
  const mask = slots.length / 2 - 1; // the number of slots is a power of two
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    const at = slot * 2;
    if (slots[at] === 0 && slots[at + 1] === 0) {
      slots[at] = high;
      slots[at + 1] = low;
      return true;
    }
    if (slots[at] === high && slots[at + 1] === low) return false;
  }
}

/** The two halves of the public-domain `cyrb53` mix, kept whole. Ids are the vendor's, not an attacker's. */
function hash64(id: string): [high: number, low: number] {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let at = 0; at < id.length; at += 1) {
    const code = id.charCodeAt(at);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [b >>> 0, a >>> 0 || 1]; // never both zero, which would mean a free slot
}
