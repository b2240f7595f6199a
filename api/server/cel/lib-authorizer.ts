import type { FunctionEntry } from "./function-table.ts";
import { CelError, CelOpaque } from "./value.ts";

/** What is asked of the authorizer: resources by plural, other paths by `path`. */
export type AuthorizerQuestion = {
  readonly verb: string;
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** A ServiceAccount that is asked for instead of the caller, `namespace:name`. */
  readonly account: string;
};

/** What was decided, or why nothing could be. */
export type AuthorizerAnswer = {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error: string;
};

/** Answers at once. @throws to be asked again later, with anything but a CelError */
export type AskAuthorizer = (question: AuthorizerQuestion) => AuthorizerAnswer;

const nothing: AuthorizerQuestion = {
  verb: "",
  path: "",
  group: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  account: "",
};

/** A question that is being put together, in the form that its type may still complete. */
class Question extends CelOpaque {
  readonly typeName: string;
  readonly ask: AskAuthorizer;
  readonly question: AuthorizerQuestion;
  constructor(typeName: string, ask: AskAuthorizer, question: AuthorizerQuestion) {
    super();
    this.typeName = typeName;
    this.ask = ask;
    this.question = question;
  }
  equals(other: Question): boolean {
    return JSON.stringify(this.question) === JSON.stringify(other.question);
  }
  with(typeName: string, more: Partial<AuthorizerQuestion>): Question {
    return new Question(typeName, this.ask, { ...this.question, ...more });
  }
}

const home = "kubernetes.authorization";
const authorizerType = `${home}.Authorizer`;
const resourceCheckType = `${home}.ResourceCheck`;
const pathCheck = `${home}.PathCheck`;
const groupCheck = `${home}.GroupCheck`;
const decision = `${home}.Decision`;

type About = Pick<AuthorizerQuestion, "group" | "resource" | "subresource" | "namespace" | "name">;

/** The variable `authorizer` with the field `requestResource`, of which only the verb is yet to be said. */
class RootQuestion extends Question {
  readonly requestResource: Question;
  constructor(ask: AskAuthorizer, about: About) {
    super(authorizerType, ask, nothing);
    this.requestResource = new Question(resourceCheckType, ask, { ...nothing, ...about });
  }
}

/** The variable `authorizer` of an expression about a request for that resource. */
export const authorizerValue = (ask: AskAuthorizer, about: About): CelOpaque =>
  new RootQuestion(ask, about);

const path = (from: Question, text: string): Question => {
  if (text === "") throw new CelError("path must not be empty");
  return from.with(pathCheck, { path: text });
};

const account = (from: Question, namespace: string, name: string): Question => {
  if (namespace === "" || name === "") throw new CelError("Invalid service account name");
  return from.with(authorizerType, { account: `${namespace}:${name}` });
};

const check = (from: Question, verb: string): Question => from.with(decision, { verb });
const answer = ({ ask, question }: Question): AuthorizerAnswer => ask(question);

/** Kubernetes' functions by which policies ask what the caller may do. */
export const authorizerFunctions: readonly FunctionEntry[] = [
  [`${authorizerType}.path(string): ${pathCheck}`, path],
  [
    `${authorizerType}.group(string): ${groupCheck}`,
    (from: Question, group: string) => from.with(groupCheck, { group }),
  ],
  [`${authorizerType}.serviceAccount(string, string): ${authorizerType}`, account],
  [
    `${groupCheck}.resource(string): ${resourceCheckType}`,
    (from: Question, resource: string) => from.with(resourceCheckType, { resource }),
  ],
  [
    `${resourceCheckType}.subresource(string): ${resourceCheckType}`,
    (from: Question, subresource: string) => from.with(resourceCheckType, { subresource }),
  ],
  [
    `${resourceCheckType}.namespace(string): ${resourceCheckType}`,
    (from: Question, namespace: string) => from.with(resourceCheckType, { namespace }),
  ],
  [
    `${resourceCheckType}.name(string): ${resourceCheckType}`,
    (from: Question, name: string) => from.with(resourceCheckType, { name }),
  ],
  [`${pathCheck}.check(string): ${decision}`, check],
  [`${resourceCheckType}.check(string): ${decision}`, check],
  [`${decision}.allowed(): bool`, (from: Question) => answer(from).allowed],
  [`${decision}.reason(): string`, (from: Question) => answer(from).reason],
  [`${decision}.errored(): bool`, (from: Question) => answer(from).error !== ""],
  [`${decision}.error(): string`, (from: Question) => answer(from).error],
];
