// The import table of ARCHITECTURE.md as rules. hack/verify.ts also checks that every module was read.
import swcVisitor from "@swc/core/Visitor.js";

// The visitor that dependency-cruiser walks swc's trees with does not know `using` and gives up.
const { Visitor } = swcVisitor;
const visitKnown = Visitor.prototype.visitStatement;
Visitor.prototype.visitStatement = function visitStatement(statement) {
  if (statement.type !== "UsingDeclaration") return visitKnown.call(this, statement);
  this.visitVariableDeclarators(statement.decls);
  return statement;
};

const may = {
  crds: [],
  "api/machinery": ["crds"],
  "api/tunnel": ["api/machinery"],
  "api/store": ["api/machinery"],
  "api/backup": ["api/machinery"],
  "api/audit": ["api/machinery"],
  "api/client": ["crds", "api/machinery"],
  "api/server": ["crds", "api/machinery", "api/store", "api/tunnel", "api/backup", "api/audit"],
  "controllers/runtime": ["api/machinery", "api/client"],
  agent: ["crds", "api/machinery", "api/client", "api/tunnel", "controllers/runtime"],
  cli: ["crds", "api/machinery", "api/client", "api/backup", "api/audit"],
};
const ours = "^(crds|api|controllers|agent|cli|dashboard|hack|test)/";
const tests = "\\.test\\.ts$";

const forbidden = [];
const error = (name, from, to) => forbidden.push({ name, severity: "error", from, to });

for (const [dir, allowed] of Object.entries(may)) {
  error(
    `layer:${dir}`,
    { path: `^${dir}/`, pathNot: `${tests}|^cli/commands/(run-|up)` },
    { path: ours, pathNot: `^(${[dir, ...allowed].join("|")})/` },
  );
}
error(
  "layer:controllers/*",
  { path: "^controllers/([^/]+)/", pathNot: `^controllers/runtime/|${tests}` },
  {
    path: ours,
    pathNot: "^(crds|api/machinery|api/client|controllers/runtime|controllers/$1)/",
  },
);
// Planners, not a command that is called plan.
const pure = { path: "^(controllers|agent)/.*/plan\\.ts$|^api/machinery/", pathNot: tests };
error("pure", pure, {
  dependencyTypes: ["core", "npm", "npm-dev"],
  dependencyTypesNot: ["type-only"],
});
error("pure:reach", pure, {
  path: "^(node:)?(fs|net|http|https|http2|tls|child_process|timers)(/|$)",
  reachable: true,
});
error("no-cycles", {}, { circular: true });
error("no-unresolved", {}, { couldNotResolve: true });
error(
  "no-dev-dependency-in-product",
  { path: "^(crds|api|controllers|agent|cli)/", pathNot: tests },
  { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
);
error(
  "nobody-imports-hack-or-test",
  { path: "^(crds|api|controllers|agent|cli)/", pathNot: tests },
  { path: "^(hack|test)/" },
);
// client-node costs half a second and 90 MB to load (ADR 0008): types are free, its run time is
// loaded lazily where a kubeconfig needs an exec plug-in, and by tests.
error(
  "client-node-is-types-first",
  {
    path: "^(crds|api|controllers|agent|cli)/",
    pathNot: `${tests}|^api/client/kubeconfig-plugins\\.ts$`,
  },
  { path: "node_modules/@kubernetes/client-node", dependencyTypesNot: ["type-only"] },
);

export default {
  forbidden,
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^((hack/mutation/)?node_modules|\\.cache|coverage)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
    parser: "swc",
  },
};
