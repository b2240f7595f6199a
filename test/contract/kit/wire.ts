/** Just enough protobuf to write what Kubernetes' generated clients send. */
type Field = readonly [number: number, value: Buffer];

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** A string field's value. */
export function text(value: string): Buffer {
  return Buffer.from(value, "utf8");
}

/** A message of length-delimited fields: strings, bytes and other messages. */
export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => [varint(number * 8 + 2), varint(value.length), value]),
  );
}

/** Kubernetes' envelope around an object: four magic bytes, then `runtime.Unknown`. */
export function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = message([1, text(apiVersion)], [2, text(kind)]);
  return Buffer.concat([Buffer.from("k8s\0"), message([1, type], [2, raw])]);
}
