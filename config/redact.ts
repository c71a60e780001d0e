/** What looks like key material or a token of a system we use, wherever it stands. */
const SECRETS = /sk-ant-[A-Za-z0-9_-]{8,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}/g;

/** Replaces key material in a text that is going to be shown. */
export const redact = (text: string): string => text.replaceAll(SECRETS, "[secret]");

/** Where key material stands in a text, as offsets. Comments count: the file is in a repository or a ConfigMap. */
export const findSecrets = (text: string): number[] => [...text.matchAll(SECRETS)].map((match) => match.index);
