import { annotation } from "../../../crds/labels.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";

/** What fits into `status.rollout.group.name`, where members of a group read it. Bytes. */
const maxGroupName = 253;

type Annotated = {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
};
type WithTemplate = { readonly spec?: { readonly template?: Annotated } };

const annotationOf = (object: Annotated | undefined, key: string): string | undefined =>
  object?.metadata?.annotations?.[key];

const templateOf = (object: AnyObject | undefined): Annotated | undefined =>
  (object as WithTemplate | undefined)?.spec?.template;

/** The name of a group that this write gives, if it is none that can go on record. */
export function groupNameCauses(
  object: AnyObject,
  before: AnyObject | undefined,
): readonly StatusCause[] {
  const key = annotation.rolloutGroup;
  const name = annotationOf(object, key) ?? "";
  if (Buffer.byteLength(name) <= maxGroupName || name === annotationOf(before, key)) return [];
  const detail = `must be no more than ${maxGroupName} bytes`;
  return [invalidValue(`metadata.annotations[${key}]`, name, detail)];
}

const isWhole = (text: string): boolean => text !== "" && Number.isInteger(Number(text));

/** Orders by annotation that are not followed as they are written; told once, to who writes them. */
export function strayAnnotations(
  object: AnyObject,
  before: AnyObject | undefined,
): readonly string[] {
  const { reload, rolloutOrder } = annotation;
  const order = annotationOf(object, rolloutOrder) ?? "0";
  const isNewOrder = order !== annotationOf(before, rolloutOrder);
  const switched = annotationOf(templateOf(object), reload) ?? "false";
  const isNewSwitch = switched !== annotationOf(templateOf(before), reload);
  const said: string[] = [];
  if (isNewOrder && !isWhole(order)) {
    said.push(`metadata.annotations[${rolloutOrder}]: "${order}" is no whole number, 0 counts`);
  }
  if (isNewSwitch && !["true", "false"].includes(switched)) {
    const field = `spec.template.metadata.annotations[${reload}]`;
    said.push(`${field}: "${switched}" is not "true", nothing is reloaded`);
  }
  return said;
}
