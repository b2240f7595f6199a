// The other end of yaml-thread.ts: reads one text after another.
import { parentPort } from "node:worker_threads";
import { isTooLarge, tooLarge } from "../../machinery/errors.ts";
import { bodyLimitBytes } from "./codec.ts";
import { parseYaml } from "./yaml-body.ts";
import type { YamlAnswer } from "./yaml-thread.ts";

// Reports of the process hold one of each thread, and each goes by its own setting.
process.report.excludeEnv = true;

function answerTo(text: string): YamlAnswer {
  try {
    const { value, duplicates } = parseYaml(text);
    const json = JSON.stringify(value);
    // Aliases make much of little.
    if (json.length > bodyLimitBytes) throw tooLarge(bodyLimitBytes);
    return { json, duplicates };
  } catch (err) {
    const refusal = err instanceof Error ? err.message : String(err);
    return { refusal, tooLarge: isTooLarge(err) };
  }
}

parentPort?.on("message", (text: string) => parentPort?.postMessage(answerTo(text), []));
