import { printable } from "../cli/format/table.ts";

/** Lines that stay, and under them one that changes in place on a terminal; elsewhere it is a line when it changes. */
export interface Screen {
  line(text: string): void;
  status(text: string): void;
  /** Leaves the last status standing. Safe to repeat. */
  end(): void;
}

const CLEAR = "\r\u001b[2K";

/** @param columns of the terminal; null: it is none */
export function openScreen(out: { write(text: string): unknown }, columns: () => number | null): Screen {
  let shown = "";
  let lastSaid = "";
  const draw = (): void => {
    const width = columns();
    if (shown !== "" && width !== null) out.write(`${CLEAR}${fitted(`> ${shown}`, width)}`);
  };
  return {
    line: (text) => {
      out.write(`${shown !== "" && columns() !== null ? CLEAR : ""}${text}\n`);
      draw();
    },
    status: (text) => {
      const next = printable(text);
      if (next === shown) return;
      shown = next;
      if (columns() !== null) return draw();
      // Where every status is a line, one that only counts on is none.
      const said = next.replaceAll(/\d+/g, "#");
      if (said !== lastSaid) out.write(`> ${next}\n`);
      lastSaid = said;
    },
    end: () => {
      if (shown !== "" && columns() !== null) out.write("\n");
      shown = "";
    },
  };
}

/** A line that is broken by the terminal cannot be cleared. */
const fitted = (text: string, width: number): string => (text.length < width ? text : `${text.slice(0, width - 2)}…`);
