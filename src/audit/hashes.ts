const BYTES = 32;

/** A growing list of SHA-256 digests, 32 bytes each, outside the JavaScript heap: a million entries are 32 MB. */
export class Hashes {
  #bytes = Buffer.alloc(64 * BYTES);
  length = 0;

  push(hash: string): void {
    if ((this.length + 1) * BYTES > this.#bytes.length) {
      const bigger = Buffer.alloc(this.#bytes.length * 2);
      this.#bytes.copy(bigger);
      this.#bytes = bigger;
    }
    this.#bytes.write(hash, this.length * BYTES, "hex");
    this.length += 1;
  }

  /** Forgets all but the first so many. */
  truncate(length: number): void {
    this.length = Math.min(this.length, Math.max(0, length));
  }

  at(index: number): string | null {
    return index < 0 || index >= this.length ? null : this.#bytes.toString("hex", index * BYTES, (index + 1) * BYTES);
  }
}
