import type { DockerQuery } from "../../machinery/docker/docker-url.ts";
import { type ImagePolicy, imageProblem } from "../../machinery/images/image-policy.ts";
import type { Finding } from "./shape.ts";

/** Calls that make a name for an image of which nobody knows where it is from. */
const makers: Readonly<Record<string, string>> = {
  "POST /build": "what is built is from anywhere",
  "POST /commit": "what a container became is from nowhere",
  "POST /images/load": "what is loaded may have any name",
  "POST /images/{name*}/tag": "an image by another name is not from there",
};

const policyIsSet = ({ allowed, requireDigest }: ImagePolicy): boolean =>
  allowed !== undefined || requireDigest;

const refused = (at: string, why: string): Finding => ({
  at,
  why: `the image policy of the cluster: ${why}`,
  broken: false,
});

const valueIn = (query: DockerQuery, name: string): string =>
  query.find(([key]) => key === name)?.[1] ?? "";

/** What a pull brings: a digest may come as a tag, and a tag in the name. */
function pulled(query: DockerQuery): string {
  const [image, tag] = [valueIn(query, "fromImage"), valueIn(query, "tag")];
  if (tag === "") return image;
  // A tag beside the name replaces one in it.
  const bare = image.replace(/@[^@]*$/, "").replace(/:[^:/]*$/, "");
  return tag.includes(":") ? `${bare}@${tag}` : `${bare}:${tag}`;
}

function ofImage(at: string, image: string, policy: ImagePolicy): readonly Finding[] {
  const problem = imageProblem(image, policy);
  return problem === undefined ? [] : [refused(at, `${JSON.stringify(image)} ${problem}`)];
}

/** What the image policy of the cluster has against a call, as far as path and query tell. */
export function findingsOfImageCall(
  route: string,
  query: DockerQuery,
  policy: ImagePolicy,
): readonly Finding[] {
  if (!policyIsSet(policy)) return [];
  const made = Object.hasOwn(makers, route) ? makers[route] : undefined;
  if (made !== undefined) return [refused(route, made)];
  if (route !== "POST /images/create") return [];
  return valueIn(query, "fromImage") === ""
    ? [refused("fromSrc", "what is imported is from anywhere")]
    : ofImage("fromImage", pulled(query), policy);
}

/** The same of the body of a new container. */
export function findingsOfContainer(value: unknown, policy: ImagePolicy): readonly Finding[] {
  if (!policyIsSet(policy) || typeof value !== "object" || value === null) return [];
  const { Image } = value as { readonly Image?: unknown };
  return ofImage("Image", typeof Image === "string" ? Image : "", policy);
}
