import { resolve } from "node:path";
import type { Pending, SecretStore } from "../../ports/secret-store.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { fingerprintOf, SecretText } from "../../rotation/secret.ts";
import { checkMarks } from "../mark-entries.ts";
import * as companion from "./companion.ts";
import { readVariable, replaceVariable } from "./document.ts";
import { destroy, type Files, nodeFiles, replace, type Snapshot, snapshot, temporaryOf } from "./files.ts";
import { type Lock, withLock } from "./lock.ts";
import { marksIn, withMarks } from "./marks.ts";
import type { DotenvFileOptions } from "./options.ts";
import { locate, pathOf, type Place, variableOf } from "./paths.ts";

/** One destination under its lock: what was read there, and the ways to write. */
interface Work {
  field: string;
  file: Snapshot | null;
  current: string | null;
  pending: Snapshot | null;
  writeFile: (value: string) => Promise<void>;
  writePending: (text: string) => Promise<void>;
}

/**
 * Files of `NAME=value` lines on this host. New content is in place at once, so replacements wait in a companion
 * file. A version is the value's fingerprint: other variables may change without disturbing a rotation, because
 * promoting edits one value in the file as it is then. R10: `conditionalWrite` is false; a lock file keeps our own
 * processes apart, and a change by other programs is refused up to the rename and detected right after.
 */
export async function openDotenvFile(
  options: DotenvFileOptions,
  _name: string,
  files: Files = nodeFiles,
): Promise<SecretStore> {
  const directory = resolve(options.directory);

  const at = (dest: Destination) => locate(files, directory, dest);
  const companionName = (place: Place) => `The pending file of ${place.shown}`;
  const readPendingFile = (place: Place) => snapshot(files, place.pending, companionName(place));
  const textIn = (file: Snapshot | null): string => file?.text ?? "";

  async function work<T>(dest: Destination, run: (w: Work) => Promise<T>): Promise<T> {
    const field = variableOf(dest);
    const { place } = await at(dest);
    return withLock(files, place, async (lock) => {
      const file = await snapshot(files, place.file, place.shown);
      const pending = await readPendingFile(place);
      const w: Work = {
        field,
        file,
        pending,
        current: file === null ? null : readVariable(file.text, field),
        writeFile: async (value) => {
          if (file === null) throw missing(place);
          const text = changed(file, place, field, value);
          await replace(files, {
            path: place.file,
            folder: place.folder,
            shown: place.shown,
            text,
            before: file,
            stillAllowed: lock.assertHeld,
          });
        },
        writePending: (text) => writePending(place, lock, pending, text),
      };
      return run(w);
    });
  }

  async function writePending(place: Place, lock: Lock, before: Snapshot | null, text: string): Promise<void> {
    if (companion.isEmpty(text)) {
      // Also when nothing changes: a process killed between overwriting a companion and removing it left it empty.
      if (before === null) return;
      await lock.assertHeld();
      await destroy(files, place.pending);
    } else if (text !== textIn(before)) {
      await replace(files, {
        path: place.pending,
        folder: place.folder,
        shown: companionName(place),
        text,
        before: before === null ? null : { ...before, mode: before.mode & 0o770 },
        destroyOld: true,
        keepTime: companion.hasOperators(text),
        stillAllowed: lock.assertHeld,
      });
    }
  }

  function changed(file: Snapshot, place: Place, field: string, value: string): string {
    if (file.links > 1)
      throw new KeyturnError(
        "STORE_CONFLICT",
        `${place.shown} has hard links, which would go on showing the old value.`,
      );
    return replaceVariable(file.text, field, value);
  }
  const missing = (place: Place) => new KeyturnError("STORE_MISSING", `There is no file ${place.shown}.`);
  async function existing(dest: Destination): Promise<void> {
    const { place, exists } = await at(dest);
    if (!exists) throw missing(place);
  }

  return {
    type: "dotenv-file",
    conditionalWrite: false,
    location: { directory },
    physicalId: (dest) => `dotenv-file:${pathOf(directory, dest)}`,

    async read(dest) {
      const { place } = await at(dest);
      const file = await snapshot(files, place.file, place.shown);
      const value = file === null ? null : readVariable(file.text, variableOf(dest));
      return value === null ? null : { value: SecretText.from(value), version: fingerprintOf(value) };
    },

    async preflight(dest) {
      await existing(dest);
      await work(dest, async ({ file, current, field }) => {
        if (file === null || current === null)
          throw new KeyturnError("STORE_MISSING", `${JSON.stringify(dest.secret)}, variable ${field}.`);
        // Taking the lock has shown that files can be made in the folder; this shows that the line can be changed …
        changed(file, (await at(dest)).place, field, "preflight");
        // … and this that the owner can be kept, which only its owner and root can do.
        const uid = process.geteuid?.() ?? file.uid;
        if (uid !== 0 && uid !== file.uid) {
          throw new KeyturnError(
            "STORE_DENIED",
            `${JSON.stringify(dest.secret)} belongs to another user, so it could not be replaced without changing its owner.`,
          );
        }
      });
    },

    async stage(dest, value, rotationId) {
      await existing(dest);
      return work(dest, async ({ field, current, pending, writePending: write }) => {
        if (current === null)
          throw new KeyturnError("STORE_MISSING", `${JSON.stringify(dest.secret)}, variable ${field}.`);
        const base = fingerprintOf(current);
        const text = textIn(pending);
        await value.use(async (key) => {
          const operators = companion.operatorsOf(text, field);
          if (operators !== null && operators !== key)
            throw new KeyturnError("FOREIGN_PENDING", `It is in the pending file of ${JSON.stringify(dest.secret)}.`);
          const ours = companion.pendingOf(text, rotationId, field);
          if (ours?.value === key && ours.base === base && operators === null) return;
          replaceVariable(`${field}=x\n`, field, key); // refuses a value that no dotenv line can hold
          await write(companion.withPending(text, rotationId, field, { value: key, base, at: Date.now() }));
        });
        return { version: value.fingerprint, baseVersion: base };
      });
    },

    async readPending(dest, rotationId): Promise<Pending | null> {
      const field = variableOf(dest);
      const { place } = await at(dest);
      const file = await readPendingFile(place);
      if (file === null) return null;
      const ours = companion.pendingOf(file.text, rotationId, field);
      const value = ours?.value ?? companion.operatorsOf(file.text, field);
      if (value === null) return null;
      const common = { value: SecretText.from(value), version: fingerprintOf(value), onlyOurField: true };
      return ours === null
        ? { ...common, rotationId: null, baseVersion: null, writtenAt: Math.floor(file.modifiedMs) }
        : { ...common, rotationId, baseVersion: ours.base, writtenAt: ours.at };
    },

    async promote(dest, rotationId, baseVersion) {
      await existing(dest);
      return work(dest, async ({ field, current, pending, writeFile, writePending: write }) => {
        const staged = companion.pendingOf(textIn(pending), rotationId, field);
        if (staged === null)
          throw new KeyturnError("STORE_CONFLICT", `Nothing is staged for ${JSON.stringify(dest.secret)}.`);
        const version = fingerprintOf(staged.value);
        if (current !== staged.value) {
          if (current === null || fingerprintOf(current) !== baseVersion || staged.base !== baseVersion) {
            throw new KeyturnError("BASE_CHANGED", `The variable ${field} in ${JSON.stringify(dest.secret)}.`);
          }
          // Kept before it is overwritten: afterwards it exists nowhere else (R14).
          await write(companion.withPrevious(textIn(pending), rotationId, field, current));
          await writeFile(staged.value);
        }
        return { version };
      });
    },

    async rollBack(dest, rotationId, replacementFingerprint, previousFingerprint) {
      await existing(dest);
      return work(dest, async ({ field, current, pending, writeFile }) => {
        const now = current === null ? null : fingerprintOf(current);
        if (now === previousFingerprint) return "not_promoted";
        if (now !== replacementFingerprint) return "changed_by_others";
        const previous = companion.previousOf(textIn(pending), rotationId, field);
        if (previous === null || fingerprintOf(previous) !== previousFingerprint) return "nothing_to_restore";
        await writeFile(previous);
        return "rolled_back";
      });
    },

    async discardPending(dest, rotationId, { operators = false } = {}) {
      await rewritePending(dest, (text, field) => companion.withoutPending(text, rotationId, field, operators));
    },
    async discardPrevious(dest, rotationId) {
      await rewritePending(dest, (text, field) => companion.withoutPrevious(text, rotationId, field));
    },
    /** Also names rotations of which only the previous value is left: it is as worth sweeping. */
    async listPending(dest) {
      const { place } = await at(dest);
      return companion.rotationsIn(textIn(await readPendingFile(place)));
    },

    async readMarks(dest) {
      const { place } = await at(dest);
      return marksIn(textIn(await snapshot(files, place.marks, `The marks of ${place.shown}`)));
    },
    async mark(dest, entries) {
      checkMarks(entries);
      await existing(dest);
      const { place } = await at(dest);
      await withLock(files, place, async (lock) => {
        const shown = `The marks of ${place.shown}`;
        const before = await snapshot(files, place.marks, shown);
        const text = withMarks(textIn(before), entries);
        if (text === "") {
          if (before === null) return;
          await lock.assertHeld();
          // Marks are no secret: removed in one step, nothing half removed can be left.
          await files.unlink(place.marks);
        } else if (text !== textIn(before)) {
          await replace(files, {
            path: place.marks,
            folder: place.folder,
            shown,
            text,
            before,
            stillAllowed: lock.assertHeld,
          });
        }
      });
    },
    async close() {},
  };

  async function rewritePending(dest: Destination, change: (text: string, field: string) => string): Promise<void> {
    const field = variableOf(dest);
    const { place } = await at(dest);
    // With nothing to destroy there is no reason to write a lock file; what a killed process left is a reason.
    const left = [place.pending, temporaryOf(place.pending), place.lock];
    if (!left.some((path) => files.exists(path))) return;
    await withLock(files, place, async (lock) => {
      const before = await readPendingFile(place);
      await writePending(place, lock, before, change(textIn(before), field));
    });
  }
}
