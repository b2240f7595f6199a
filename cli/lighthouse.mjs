#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node.js must get a sentence, not a syntax error.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 11)) {
  process.stderr.write(
    `error: Lighthouse needs Node.js 24.11 or newer, this is ${process.versions.node}\n` +
      "Install a newer Node.js, or run hack/lighthouse, which brings its own\n",
  );
  process.exitCode = 1;
} else {
  // Compiled code is kept between runs: a command must feel instant.
  const { enableCompileCache } = await import("node:module");
  enableCompileCache();
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
