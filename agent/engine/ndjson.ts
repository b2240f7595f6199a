import { unavailable } from "../../api/machinery/errors.ts";

const maxLineChars = 8 * 1024 * 1024;

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw unavailable(`Cannot read the engine's answer: not JSON: "${line.slice(0, 120)}"`, {
      cause,
    });
  }
}

/**
 * Reads one JSON value per line as it arrives; characters may be split over chunks. A last line
 * without its newline counts.
 *
 * @throws StatusError `ServiceUnavailable` for a line that is not JSON or longer than 8 Mi characters.
 */
export async function* readNdjson(source: AsyncIterable<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield parse(line);
    if (rest.length > maxLineChars)
      throw unavailable(
        `Cannot read the engine's answer: a line beyond ${maxLineChars} characters`,
      );
  }
  rest += decoder.decode();
  if (rest.trim() !== "") yield parse(rest);
}
