import type { SendOptions } from "../../kit/app.ts";
import { type CostlyGroup, core, many, fieldsOf, named, configMap, apply } from "./request.ts";

const yaml: SendOptions = { type: "application/yaml" };
const head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

/** Aimed at json. */
export const json: CostlyGroup = () => [
  configMap(
    "300,000 tiny fields",
    named("ConfigMap", "a", { data: fieldsOf(300_000, (i) => [`${i}`, 0]) }),
  ),
  configMap(
    "300,000 tiny unknown fields",
    named(
      "ConfigMap",
      "a",
      fieldsOf(260_000, (i) => [`a${i}`, 0]),
    ),
  ),
  configMap(
    "a list of 1,500,000 numbers",
    named("ConfigMap", "a", { data: many(1_500_000, () => 0) }),
  ),
  configMap("1,000,000 empty lists", named("ConfigMap", "a", { data: many(1_000_000, () => []) })),
  configMap("1,000,000 empty objects", named("ConfigMap", "a", { x: many(1_000_000, () => ({})) })),
  configMap("1,400,000 levels", "[".repeat(1_400_000) + "]".repeat(1_400_000)),
  configMap(
    "499 levels, 6,000 times",
    `{"a":[${many(3_000, () => "[".repeat(490) + "]".repeat(490)).join(",")}]}`,
  ),
  configMap("a text of 3 MB", named("ConfigMap", "a", { data: { a: "x".repeat(3_000_000) } })),
  configMap(
    "a text of 1,500,000 escapes",
    named("ConfigMap", "a", { data: { a: '"'.repeat(1_500_000) } }),
  ),
  configMap(
    "a field named by 3 MB",
    named("ConfigMap", "a", { data: { ["x".repeat(3_000_000)]: "" } }),
  ),
  configMap("one field 300,000 times", `{"data":{${many(300_000, () => '"a":""').join(",")}}}`),
  configMap(
    "150,000 fields twice",
    `{"data":{${many(290_000, (i) => `"${i % 145_000}":""`).join(",")}}}`,
  ),
  configMap("duplicate fields at 400 levels", `${'{"a":0,"a":'.repeat(400)}0${"}".repeat(400)}`),
  configMap("duplicate field names of 1 MB", `{"${"x".repeat(1e6)}":0,"${"x".repeat(1e6)}":0}`),
  configMap("3 MB of backslashes", `{"a":"${"\\\\".repeat(1_500_000)}"`),
  configMap("text that never ends", `"${'\\"'.repeat(1_500_000)}`),
];

/** Aimed at yamlBodies. */
export const yamlBodies: CostlyGroup = () => [
  configMap(
    "YAML that is JSON, 3 MB",
    named("ConfigMap", "a", { data: fieldsOf(150_000, (i) => [`k${i}`, "v"]) }),
    yaml,
  ),
  configMap(
    "YAML of 14,000 lines",
    `${head}data:\n${many(14_000, (i) => `  k${i}: v\n`).join("")}`,
    yaml,
  ),
  configMap(
    "YAML of 150,000 lines",
    `${head}data:\n${many(150_000, (i) => `  k${i}: v\n`).join("")}`,
    yaml,
  ),
  configMap(
    "YAML in flow style, 150,000 fields",
    `${head}data: {${many(150_000, (i) => `k${i}: v`).join(", ")}}`,
    yaml,
  ),
  configMap(
    "YAML: 30,000 anchors",
    `${head}data:\n${many(30_000, (i) => `  k${i}: &a${i} v\n`).join("")}`,
    yaml,
  ),
  configMap("YAML: 1,000,000 opened lists", "[".repeat(1_000_000), yaml),
  configMap("YAML: 3,000 levels", many(2_000, (i) => `${" ".repeat(i)}a:\n`).join(""), yaml),
  configMap("YAML: 5,000 opened flow lists", `a: ${"[".repeat(5_000)}`, yaml),
  configMap(
    "YAML: a quoted text of 3 MB in 100,000 lines",
    `a: "${"x\n\n ".repeat(200_000)}"`,
    yaml,
  ),
  configMap("YAML: a plain text of 300,000 lines", `a:\n${" x\n".repeat(300_000)}`, yaml),
  configMap("YAML: a block text of 300,000 lines", `a: |\n${" x\n".repeat(300_000)}`, yaml),
  configMap("YAML: a folded text of 300,000 lines", `a: >\n${" x\n".repeat(300_000)}`, yaml),
  configMap("YAML: 1,000,000 comments", `a: 0\n${"#x\n".repeat(1_000_000)}`, yaml),
  configMap("YAML: 3,000,000 line feeds", "\n".repeat(3_000_000), yaml),
  configMap("YAML: 3,000,000 spaces", " ".repeat(3_000_000), yaml),
  configMap("YAML: 300,000 documents", "---\n".repeat(300_000), yaml),
  configMap("YAML: a number of 1 MB", `a: ${"1".repeat(1_000_000)}`, yaml),
  configMap("YAML: a sexagesimal of 1 MB", `a: 1${":1".repeat(500_000)}`, yaml),
  configMap("YAML: 3 MB of escapes", `a: "${"\\x41".repeat(700_000)}"`, yaml),
  configMap(
    "YAML: 90 aliases of 1 MB",
    `a: &a "${"x".repeat(1e6)}"\nb: [${many(90, () => "*a").join(",")}]`,
    yaml,
  ),
  configMap(
    "YAML: merge keys",
    `a: &a {${many(4_000, (i) => `k${i}: v`).join(", ")}}\n${many(90, (i) => `b${i}: {<<: *a}\n`).join("")}`,
    yaml,
  ),
  apply(
    "apply of 14,000 lines of YAML",
    `${core}/configmaps/a`,
    `${head}data:\n${many(14_000, (i) => `  k${i}: v\n`).join("")}`,
  ),
];
