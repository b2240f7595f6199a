import { hash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { User } from "../../../crds/types.gen.ts";
import { tooManyRequests } from "../../machinery/errors.ts";
import type { Passwords } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import type { Allowance, Throttle, Try } from "./throttle.ts";
import { isLetIn, type Users } from "./users.ts";

/** What somebody shows to log in. */
export type Attempt = {
  /** An email, or a name. */
  readonly login: string;
  readonly password: string;
  /** IP address of the caller. */
  readonly address: string;
};

/** Who may log in. */
export type Admitted = {
  readonly user: User;
  /** Whether no other password was set since: that ends the sessions that there are by then. */
  readonly isStill: () => Promise<boolean>;
};

/** Judges who may log in, and how often they may try. */
export interface Logins {
  /** The User who may log in; `undefined` when the password is wrong or nobody is known.
   * @throws StatusError `TooManyRequests` */
  judge(attempt: Attempt): Promise<Admitted | undefined>;
  /** Whether it is the password of a User who is logged in already, e.g. to set another.
   * @throws StatusError `TooManyRequests` */
  confirm(user: User, password: string): Promise<boolean>;
  /** Takes a try from an address that shows something else than a password; give it back when it fits.
   * @throws StatusError `TooManyRequests` */
  tryFrom(address: string): () => void;
}

/** What logins are made of. */
export type LoginsOptions = {
  readonly users: Users;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  /** Of names that nobody has: whoever floods it drives out no key of a real account. */
  readonly strangers: Throttle;
};

/** Ten wrong passwords in a row, then one each half minute: some 2,900 a day. */
const perAccount: Allowance = { burst: 10, refillMs: 30_000 };
/** An office behind one address mistypes more often. */
const perAddress: Allowance = { burst: 100, refillMs: 2_000 };

/** Who has an IPv6 address has all of its /64. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.toLowerCase().startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const [front, back] = [head.split(":"), tail?.split(":") ?? []];
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  const groups = tail === undefined ? front : [...front, ...zeros, ...back];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

const digest = (text: string): string => hash("sha256", text.toLowerCase(), "base64url");

function refuseFor(seconds: number): never {
  throw tooManyRequests("Cannot log in now: too many tries, wait a little", seconds);
}

/** What was not checked was no try. */
async function unlessBusy(checking: Promise<boolean>, giveBack: () => void): Promise<boolean> {
  try {
    return await checking;
  } catch (err) {
    giveBack();
    throw err;
  }
}

/** Checks passwords at the speed that is left to guessers. */
export function openLogins(options: LoginsOptions): Logins {
  const { users, passwords, sessions, throttle, strangers } = options;
  /** Where an account is logged in already, it has tries of its own: nobody else can use them up. */
  const accountKey = (user: User, address: string): string => {
    const { uid } = user.metadata;
    const isKnown = sessions.of(user).some(({ spec }) => spec.address === address);
    return isKnown ? `account ${uid} at ${address}` : `account ${uid}`;
  };
  const taking = (counter: Throttle, tries: readonly Try[]): (() => void) => {
    const waitSeconds = counter.take(tries);
    if (waitSeconds !== undefined) refuseFor(waitSeconds);
    return () => counter.giveBack(tries);
  };
  const tryFrom = (address: string): (() => void) =>
    taking(throttle, [{ key: `address ${networkOf(address)}`, allowance: perAddress }]);
  return {
    tryFrom,
    async judge({ login, password, address }) {
      const user = users.known(login);
      const back = tryFrom(address);
      const key = user === undefined ? `stranger ${digest(login)}` : accountKey(user, address);
      const counter = user === undefined ? strangers : throttle;
      const backToAccount = taking(counter, [{ key, allowance: perAccount }]);
      const giveBack = (): void => {
        back();
        backToAccount();
      };
      const change = await passwords.changeOf(user);
      const fits = await unlessBusy(passwords.fits(user, password), giveBack);
      if (!fits || user === undefined || !isLetIn(user)) return undefined;
      giveBack();
      return { user, isStill: async () => (await passwords.changeOf(user)) === change };
    },
    async confirm(user, password) {
      const key = `confirm ${user.metadata.uid}`;
      const back = taking(throttle, [{ key, allowance: perAccount }]);
      const fits = await unlessBusy(passwords.fits(user, password), back);
      if (fits) back();
      return fits;
    },
  };
}
