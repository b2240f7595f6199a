import { isUtf8 } from "node:buffer";
import { badRequest, type StatusError } from "../../machinery/errors.ts";

/** Content of one field, still as it stands on the wire. */
export type WireValue =
  | { readonly type: "varint"; readonly value: number }
  | { readonly type: "fixed32" | "fixed64" | "bytes"; readonly bytes: Buffer };

/** What is wrong with a protobuf body. */
export const malformed = (why: string): StatusError =>
  badRequest(`Cannot read the protobuf body: ${why}`);

const cutShort = (): StatusError => malformed("it ends in the middle of a field");

/** Reads fields one after the other. Malformed bytes are never read beyond their end. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether something is left to read. */
  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  /**
   * An integer in base 128, lowest digits first, as a signed 64-bit number. Beyond 2^53 it is
   * rounded, as JSON readers do.
   * @throws StatusError `BadRequest` for more than ten bytes, or too few
   */
  varint(): number {
    let value = 0;
    let scale = 1;
    const start = this.#at;
    for (let read = 0; read < 7; read++) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    this.#at = start; // a double holds no more than seven of them
    return this.#longVarint();
  }

  #longVarint(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
    throw malformed("an integer has more than ten bytes");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw cutShort();
    this.#at += 1;
    return byte;
  }

  /** The next bytes, not copied. @throws StatusError `BadRequest` when there are fewer */
  take(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw cutShort();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** The number of the next field and its content. @throws StatusError `BadRequest` */
  field(): readonly [number, WireValue] {
    const tag = this.varint();
    const number = Math.floor(tag / 8);
    if (number < 1 || number > 536_870_911) throw malformed("a field has no valid number");
    switch (tag % 8) {
      case 0:
        return [number, { type: "varint", value: this.varint() }];
      case 1:
        return [number, { type: "fixed64", bytes: this.take(8) }];
      case 2:
        return [number, { type: "bytes", bytes: this.take(this.varint()) }];
      case 5:
        // No type of Kubernetes is written so; such a field is one that we do not know.
        return [number, { type: "fixed32", bytes: this.take(4) }];
      default:
        throw malformed(`field ${number} has a wire type that Kubernetes does not use`);
    }
  }
}

/** The bytes of a length-delimited field. @throws StatusError `BadRequest` for other ones */
export function bytesOf(value: WireValue): Buffer {
  if (value.type === "bytes") return value.bytes;
  throw malformed("a field has another wire type than its definition");
}

/** The text of a field. @throws StatusError `BadRequest` when it is not UTF-8 */
export function textOf(value: WireValue): string {
  const bytes = bytesOf(value);
  if (!isUtf8(bytes)) throw malformed("a string is not UTF-8");
  return bytes.toString();
}

/** The number of a varint field. @throws StatusError `BadRequest` for other ones */
export function numberOf(value: WireValue): number {
  if (value.type === "varint") return value.value;
  throw malformed("a field has another wire type than its definition");
}
