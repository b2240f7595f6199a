import type { Rights } from "../../authz/rbac-authorizer.ts";
import type { User } from "../../access.ts";
import type {
  AskAuthorizer,
  AuthorizerAnswer,
  AuthorizerQuestion,
} from "../../cel/lib-authorizer.ts";
import type { RequestInfo } from "../../objects/request-info.ts";
import { maxQuestions } from "./evaluate.ts";

/** An expression needs an answer that is not there yet. */
class Unanswered extends Error {
  override readonly name = "Unanswered";
  readonly question: AuthorizerQuestion;
  constructor(question: AuthorizerQuestion) {
    super("The authorizer is yet to be asked");
    this.question = question;
  }
}

function requestOf(question: AuthorizerQuestion): RequestInfo {
  const { verb, path, group, resource, subresource, namespace, name } = question;
  if (path !== "") return { verb, path };
  const about = { group, version: "*", plural: resource, subresource, namespace, name, rest: "" };
  return { verb, path: "", resource: about };
}

function userOf({ account }: AuthorizerQuestion, caller: User): User {
  if (account === "") return caller;
  const [namespace = ""] = account.split(":");
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  return { name: `system:serviceaccount:${account}`, groups: [...groups, "system:authenticated"] };
}

/** Lets expressions, which cannot wait, ask an authorizer that answers later. */
export type Asking = {
  readonly ask: AskAuthorizer;
  /** Runs until all its questions are answered. @throws what `run` throws but for its questions */
  settle<T>(run: () => T): Promise<T>;
};

/** Answers questions about one caller; each is asked once. */
export function askingFor(rights: Pick<Rights, "authorize">, caller: User): Asking {
  const answers = new Map<string, AuthorizerAnswer>();
  const answer = async (question: AuthorizerQuestion): Promise<AuthorizerAnswer> => {
    const asked = requestOf(question);
    const { allowed, reason = "" } = await rights.authorize(userOf(question, caller), asked);
    return { allowed, reason, error: "" };
  };
  return {
    ask(question) {
      const known = answers.get(JSON.stringify(question));
      if (known !== undefined) return known;
      if (answers.size >= maxQuestions)
        return { allowed: false, reason: "", error: `more than ${maxQuestions} questions` };
      throw new Unanswered(question);
    },
    async settle(run) {
      for (;;) {
        try {
          return run();
        } catch (err) {
          if (!(err instanceof Unanswered)) throw err;
          answers.set(JSON.stringify(err.question), await answer(err.question));
        }
      }
    },
  };
}
