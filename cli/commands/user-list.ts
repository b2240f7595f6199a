import { users } from "../../api/machinery/resources.ts";
import type { User } from "../../crds/types.gen.ts";
import { type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { ageOf, formatTable } from "../output.ts";

const orNone = (value: string): string => (value === "" ? "<none>" : value);

/** `lighthouse user list`. */
export const runUserList: Run = async (call) => {
  const { flags, io, signal } = call;
  const { client } = await call.connect();
  const { items } = await client.list(users, {}, signal);
  const format = text(flags, "output");
  if (isDocumentFormat(format)) {
    io.out(documentText(format, { items }));
    return 0;
  }
  if (items.length === 0) {
    io.err('No users found; make one with "lighthouse user create"\n');
    return 0;
  }
  const row = ({ metadata, spec }: User): readonly string[] => [
    metadata.name,
    spec.email,
    orNone(spec.displayName ?? ""),
    orNone((spec.groups ?? []).join(",")),
    spec.disabled ? "disabled" : "enabled",
    ageOf(io, metadata.creationTimestamp),
  ];
  const title = ["NAME", "EMAIL", "DISPLAY NAME", "GROUPS", "STATE", "AGE"];
  io.out(formatTable([title, ...items.map(row)]));
  return 0;
};
