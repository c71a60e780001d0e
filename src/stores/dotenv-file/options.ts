import { z } from "zod";

/** Options of a `dotenv-file` store. */
export const dotenvFileOptions = z.strictObject({
  directory: z
    .string()
    .min(1)
    .describe(
      "Folder that holds the files. A destination's `secret` is a file in it; relative to the working directory.",
    ),
});
export type DotenvFileOptions = z.output<typeof dotenvFileOptions>;
