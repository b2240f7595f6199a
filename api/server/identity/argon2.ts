import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** How hard a hash is to compute: the memory in KiB, passes over it, and lanes. */
export type Argon2Cost = {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
};

/**
 * What new hashes cost: 19 MiB, two passes, one lane.
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
export const currentCost: Argon2Cost = { memoryKiB: 19_456, passes: 2, lanes: 1 };

/** A hash as its text form says. */
type Parsed = { readonly cost: Argon2Cost; readonly salt: Buffer; readonly digest: Buffer };

const saltBytes = 16;
const digestBytes = 32;
// A hash in the store is ours, yet one that asks for gigabytes must not end the server.
const maxMemoryKiB = 1 << 20;
const maxPasses = 64;
const maxLanes = 16;

const derive = promisify(argon2);

const compute = (password: string, salt: Buffer, cost: Argon2Cost): Promise<Buffer> =>
  derive("argon2id", {
    message: Buffer.from(password.normalize("NFKC")),
    nonce: salt,
    parallelism: cost.lanes,
    tagLength: digestBytes,
    memory: cost.memoryKiB,
    passes: cost.passes,
  });

const text = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

/**
 * Hashes a password with argon2id, off the event loop. The text form carries salt and parameters:
 * `$argon2id$v=19$m=19456,t=2,p=1$SALT$DIGEST`.
 * @see https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
 */
export async function hashPassword(password: string, cost = currentCost): Promise<string> {
  const salt = randomBytes(saltBytes);
  const digest = await compute(password, salt, cost);
  const { memoryKiB, passes, lanes } = cost;
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${text(salt)}$${text(digest)}`;
}

const form =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/;

function parse(stored: string): Parsed | undefined {
  const [, memory, passes, lanes, salt = "", digest = ""] = form.exec(stored) ?? [];
  const cost = { memoryKiB: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  const sane = cost.memoryKiB <= maxMemoryKiB && cost.passes <= maxPasses && cost.lanes <= maxLanes;
  if (!sane || cost.passes < 1 || cost.lanes < 1 || cost.memoryKiB < 8 * cost.lanes) {
    return undefined;
  }
  return { cost, salt: Buffer.from(salt, "base64"), digest: Buffer.from(digest, "base64") };
}

/** Whether the password is the one that was hashed; a text that is no hash fits none. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const parsed = parse(stored);
  if (parsed === undefined) return false;
  const digest = await compute(password, parsed.salt, parsed.cost);
  return timingSafeEqual(digest, parsed.digest);
}

/** Whether a hash is cheaper than new ones are, so that it shall be made anew at the next login. */
export function isOutdated(stored: string, cost = currentCost): boolean {
  const have = parse(stored)?.cost;
  if (have === undefined) return true;
  return have.memoryKiB < cost.memoryKiB || have.passes < cost.passes || have.lanes < cost.lanes;
}
