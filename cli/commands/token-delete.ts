import { Misuse, type Run } from "../command.ts";
import { deleteToken, tokenIdOf } from "../token.ts";

/** `lighthouse token delete`. */
export const runTokenDelete: Run = async (call) => {
  if (call.args.length === 0) throw new Misuse("Expected at least one token ID");
  for (const id of call.args.map(tokenIdOf)) {
    await deleteToken(call, id);
    call.io.out(`token ${id} deleted\n`);
  }
  return 0;
};
