import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Certificates {
  /** File names. */
  ca: string;
  cert: string;
  key: string;
  /** Another authority, which signed nothing here. */
  otherCa: string;
}

/**
 * An authority of our own and one certificate for every server of a test, made now and valid for two days.
 * @param names subject alternative names, such as `IP:127.0.0.1` or `DNS:redis.test`
 */
export async function makeCertificates(folder: string, names: readonly string[]): Promise<Certificates> {
  const at = (name: string) => join(folder, name);
  const authority = async (name: string) => {
    const what = ["-subj", `/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"];
    await openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      at(`${name}.key`),
      "-out",
      at(`${name}.pem`),
      ...DAYS,
      ...what,
    );
  };
  await authority("ca");
  await authority("other-ca");
  await openssl("req", ...NEW_KEY, "-keyout", at("server.key"), "-out", at("server.csr"), "-subj", "/CN=redis");
  await writeFile(at("server.ext"), `subjectAltName=${names.join(",")}\n`);
  const signer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
  const what = ["-in", at("server.csr"), "-out", at("server.pem"), "-extfile", at("server.ext")];
  await openssl("x509", "-req", ...what, ...signer, ...DAYS);
  return { ca: at("ca.pem"), cert: at("server.pem"), key: at("server.key"), otherCa: at("other-ca.pem") };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const DAYS = ["-days", "2"];

const openssl = (...args: string[]): Promise<unknown> => run("openssl", args);
