import type { SendOptions } from "../../kit/app.ts";
import { type CostlyRequest, type CostlyGroup, core, custom, many, rest } from "./request.ts";

const get = (what: string, url: string, options?: SendOptions): CostlyRequest => ({
  what,
  method: "GET",
  url,
  ...(options === undefined ? {} : { options }),
});
const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io";
/** Aimed at reads. */
export const reads: CostlyGroup = () => {
  const list = `${core}/secrets`;
  const query = (name: string, text: string): string =>
    `${list}?${name}=${encodeURIComponent(text)}`;
  return [
    get("all of 2,000 objects", list),
    get("all of 2,000 objects as a table", list, { accept: tableType }),
    get(
      "a selector of 2,500 values",
      query("labelSelector", `a in (${many(2_500, (i) => `v${i}`).join(",")})`),
    ),
    get(
      "a selector of 1,800 requirements",
      query("labelSelector", many(1_800, (i) => `!k${i}`).join(",")),
    ),
    get("a selector of 15 KB of brackets", query("labelSelector", "(".repeat(5_000))),
    get(
      "a field selector of 300 requirements",
      query("fieldSelector", many(300, (i) => `metadata.name!=a${i}`).join(",")),
    ),
    get("a continue token of 15 KB", query("continue", "e".repeat(15_000))),
    get("a long Thing as a table", rest("long"), { accept: tableType }),
    get("all Things as a table", `${custom}/things`, { accept: tableType }),
    get("an Accept header of 8 KB", list, { accept: many(2_000, (i) => `a/b${i}`).join(",") }),
    get("an Accept header of 8 KB of parameters", list, {
      accept: `application/json${";a=b".repeat(2_000)}`,
    }),
    get("an Accept header of 8 KB of commas", list, {
      accept: `${",".repeat(8_000)}application/json`,
    }),
    get("OpenAPI v2", "/openapi/v2"),
    get("OpenAPI v2 as protobuf", "/openapi/v2", {
      accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    }),
    get("OpenAPI v3 of a group", "/openapi/v3/api/v1"),
    get("OpenAPI v3 of CRDs", "/openapi/v3/apis/costly.example.com/v1"),
    get(
      "exec with 7,000 parameters",
      `${core}/pods/long/exec?${"command=a&".repeat(1_600)}stdout=1`,
    ),
    get("1,600 query parameters", `${list}?${many(1_600, (i) => `a${i}=b`).join("&")}`),
    get("Impersonate-Group of 8 KB", list, {
      headers: {
        "impersonate-user": "u",
        "impersonate-group": many(1_000, (i) => `g${i}`).join(", "),
      },
    }),
  ];
};
