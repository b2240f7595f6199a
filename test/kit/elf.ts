/** The head of a 64-bit program with one program header of `type`; by default a static one of this machine. */
export function elf(machine = process.arch === "arm64" ? 183 : 62, type = 1): Buffer {
  const program = Buffer.alloc(128);
  program.write("\u007fELF", 0, "latin1");
  program[4] = 2; // 64 bits
  program[5] = 1; // little-endian
  program.writeUInt16LE(machine, 18);
  program.writeBigUInt64LE(64n, 32);
  program.writeUInt16LE(56, 54);
  program.writeUInt16LE(1, 56);
  program.writeUInt32LE(type, 64);
  return program;
}
