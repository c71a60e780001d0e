import { TARGET } from "./folder.ts";
import { shellWord } from "./timeline.ts";

export interface Addresses {
  chat: string;
  console: string;
  dashboard: string;
  signInToken: string;
}

/** What a person has to know, and nothing else. Pure. */
export function guide(at: Addresses, by: { keyturn: string; configFile: string }): { text: string; copy: string[] } {
  const command = (name: string) => `${by.keyturn} ${name} ${TARGET} --config ${shellWord(by.configFile)}`;
  return {
    text: "app-key is due. Three addresses for your browser; you approve, create a key, and paste it:",
    copy: [
      `1. Chat        ${at.chat}/`,
      "               You are Ana, who may approve. Approve the plan in # api-keys.",
      '               Then "Keyturn (private)" has a one-time link: open it, it says what to create.',
      `2. Console     ${at.console}`,
      "               Create the key, copy it, and paste it into the page behind the one-time link.",
      `3. Dashboard   ${at.dashboard}/`,
      `               Watch the key become current and the old one go. Sign in with: ${at.signInToken}`,
      "",
      "Or without a browser, in another terminal:",
      `  ${command("show")}`,
      `  ${command("approve")}`,
      `  ${command("submit")}`,
      "",
    ],
  };
}
