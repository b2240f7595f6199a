import type { KeyObject } from "node:crypto";
import { isSealed, type Link, linkOf } from "./chain.ts";
import {
  type Checkpoint,
  checkpointIn,
  isGenuine,
  readCheckpoint,
  type SignedCheckpoint,
  tornOf,
} from "./checkpoint.ts";

/** Where a line stands. */
export type Place = { readonly file: string; /** From 1. */ readonly line: number };

/** What was found wrong, or worth knowing. */
export type Finding = { readonly place?: Place; readonly what: string };

/** What became of verifying a log. */
export type Verdict = {
  readonly lines: number;
  readonly first: number;
  readonly last: number;
  /** Up to where a signature vouches. Lines after it are chained, and will be with the next one. */
  readonly signed: number;
  /** The first thing that is not as it was written; absent: nothing is. */
  readonly broken?: Finding;
  /** Gaps that the log itself tells of: crashes and events that were dropped. */
  readonly notes: readonly Finding[];
};

/** What a log is held against. */
export type VerifyOptions = {
  /** Public keys that may have signed it. */
  readonly keys: readonly KeyObject[];
  /** What the server vouched for last, from another place: then the end cannot be missing either. */
  readonly head?: SignedCheckpoint;
};

type Torn = { readonly place: Place; readonly text: string };

/** A crash leaves one piece of what is written at once. Characters. */
const maxTornLength = 4 << 20;

/** A line cannot be trusted, and therefore none after it. */
class Broken extends Error {
  readonly place: Place | undefined;
  constructor(what: string, place?: Place) {
    super(what);
    this.place = place;
  }
}

/** Takes the lines of a log one by one, oldest first, and keeps none of them. */
export class Verifier {
  readonly #options: VerifyOptions;
  readonly #head: Checkpoint | undefined;
  readonly #notes: Finding[] = [];
  #broken: Finding | undefined;
  #lines = 0;
  #first = 0;
  #last: Link | undefined;
  #signed = 0;
  #checkpoint: Checkpoint | undefined;
  #torn: Torn | undefined;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#head = options.head === undefined ? undefined : this.#trusted(options.head, undefined);
  }

  /** @returns whether more lines are worth reading */
  take(line: string, place: Place): boolean {
    return this.#guarded(() => this.#judge(line, place));
  }

  /** To be called after the last line. */
  verdict(): Verdict {
    if (this.#broken === undefined) this.#guarded(() => this.#judgeEnd());
    return {
      lines: this.#lines,
      first: this.#first,
      last: this.#last?.seq ?? 0,
      signed: this.#signed,
      ...(this.#broken === undefined ? {} : { broken: this.#broken }),
      notes: this.#notes,
    };
  }

  #guarded(judge: () => void): boolean {
    try {
      judge();
      return true;
    } catch (err) {
      if (!(err instanceof Broken)) throw err;
      const { place, message } = err;
      this.#broken = { what: message, ...(place === undefined ? {} : { place }) };
      return false;
    }
  }

  #trusted(found: SignedCheckpoint, place: Place | undefined): Checkpoint {
    const checkpoint = readCheckpoint(found.checkpoint);
    if (checkpoint === undefined) throw new Broken("the checkpoint cannot be read", place);
    if (!isGenuine(found, this.#options.keys)) {
      throw new Broken(
        `the signature is not by a key that was given (it names ${found.key})`,
        place,
      );
    }
    return checkpoint;
  }

  #judge(line: string, place: Place): void {
    const link = linkOf(line);
    if (link === undefined) return this.#keepTorn(line, place);
    const found = checkpointIn(line);
    const checkpoint = found === undefined ? undefined : this.#trusted(found, place);
    this.#judgeTorn(checkpoint);
    if (checkpoint?.missing !== undefined) {
      const { from, to } = checkpoint.missing;
      throw new Broken(`lines ${from} to ${to} were written and were gone at this start`, place);
    }
    const before = this.#before(checkpoint, place);
    if (link.seq !== before.seq + 1) {
      throw new Broken(`line ${before.seq + 1} must stand here, but ${link.seq} does`, place);
    }
    if (!isSealed(line, before)) throw new Broken("the line or the one before was changed", place);
    this.#lines += 1;
    if (this.#first === 0) this.#first = link.seq;
    this.#last = link;
    this.#compareHead(link, place);
    if (checkpoint !== undefined) this.#heed(checkpoint, before, place);
  }

  /** The first line says itself what it follows; without a signature anybody could write that. */
  #before(checkpoint: Checkpoint | undefined, place: Place): Link {
    if (this.#last !== undefined) return this.#last;
    if (checkpoint === undefined) {
      throw new Broken("the log does not begin with a checkpoint: what was before is gone", place);
    }
    return { seq: checkpoint.seq, hash: checkpoint.hash };
  }

  #keepTorn(line: string, place: Place): void {
    const before = this.#torn;
    const text = before === undefined ? line : `${before.text}\n${line}`;
    this.#torn = { place: before?.place ?? place, text };
    if (text.length > maxTornLength) this.#judgeTorn(undefined);
  }

  /** Torn lines are believed when the server found the very same at its next start. */
  #judgeTorn(checkpoint: Checkpoint | undefined): void {
    const torn = this.#torn;
    this.#torn = undefined;
    if (torn === undefined) return;
    const found = tornOf(torn.text);
    const { bytes, sha256 } = checkpoint?.torn ?? {};
    if (bytes === found.bytes && sha256 === found.sha256) return;
    throw new Broken("this is no line of the log", torn.place);
  }

  #compareHead({ seq, hash: found }: Link, place: Place): void {
    if (this.#head?.seq !== seq || this.#head.hash === found) return;
    throw new Broken("the server vouched for another line here", place);
  }

  #heed(checkpoint: Checkpoint, before: Link, place: Place): void {
    if (checkpoint.seq !== before.seq || checkpoint.hash !== before.hash) {
      throw new Broken("the checkpoint vouches for another line than the one before", place);
    }
    if (this.#checkpoint !== undefined && this.#checkpoint.log !== checkpoint.log) {
      throw new Broken("another log begins here", place);
    }
    this.#checkpoint = checkpoint;
    this.#signed = checkpoint.seq;
    const note = (what: string): number => this.#notes.push({ place, what });
    const { torn, clean, dropped = 0, forgotten } = checkpoint;
    if (torn !== undefined)
      note(`a crash tore the line before, ${torn.bytes} bytes of it are left`);
    else if (clean === false) note("the server had not ended in order: what was in memory is lost");
    if (dropped > 0) note(`${dropped} events could not be written`);
    if (forgotten === true) note("the server had lost what it knew of this log");
  }

  #judgeEnd(): void {
    const last = this.#last?.seq ?? 0;
    if (this.#torn !== undefined) {
      this.#notes.push({ place: this.#torn.place, what: "the last line is not whole (yet)" });
    }
    const [wanted = this.#first] = this.#checkpoint?.files ?? [];
    if (this.#first > wanted) {
      throw new Broken(`lines ${wanted} to ${this.#first - 1} are missing at the start`);
    }
    if (this.#head !== undefined && this.#head.seq > last) {
      throw new Broken(`lines ${last + 1} to ${this.#head.seq} are missing at the end`);
    }
    if (this.#lines === 0) throw new Broken("there is no line");
  }
}
