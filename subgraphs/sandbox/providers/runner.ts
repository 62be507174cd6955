import type { RefusalWhy } from '../domain/artifact.ts';
import type { JobReasonCode } from '../domain/job-reason.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import type { TemplateId } from '../domain/job-template.ts';
import type { SecurityProfile } from '../domain/security.ts';

/**
 * Where programs run. One file beside this one per driver.
 *
 * Its key for an attempt is job id + attempt number, and it remembers an
 * attempt until `remove`: whoever asks again, after a crash or from another
 * process, is answered from what is there. A refusal is an answer; throwing (a
 * `ForgeError` PROVIDER_UNAVAILABLE, retryable) means that there is none and
 * that the outcome is unknown: ask again under the same key. When the signal
 * of a call fires, the call throws that signal's reason.
 */
export interface Runner {
  /** A short name for logs, metrics and rows: `local`, `kubernetes`. */
  readonly name: string;

  /**
   * How what a program leaves gets to Forge: `artifacts` gives it; it is uploaded
   * from beside the program, with the token of its order; or not at all.
   */
  readonly collects: 'by-reading' | 'by-upload' | 'nothing';

  /** Says whether programs can run here at all, which, and what is enforced upon them. */
  check(call?: RunnerCall): Promise<RunnerCheck>;

  /**
   * Starts the program of an attempt, or finds it started: however often and
   * from wherever it is asked for under one key, one program runs, at most once.
   * The order of the first asking counts. `started` says that the attempt is
   * here; it may still be `starting`, and `look` tells how that ends.
   */
  start(order: StartOrder, call?: RunnerCall): Promise<StartAnswer>;

  /** Tells where an attempt stands. Cheap enough for every 50 ms. */
  look(key: AttemptKey, call?: RunnerCall): Promise<AttemptSight>;

  /**
   * Gives the output after a position, in the order in which it was written.
   * The same position always gives the same lines. An attempt that is absent
   * gives none and has `ended`. Cheap enough for every 50 ms.
   */
  read(key: AttemptKey, position: string, bounds: ReadBounds, call?: RunnerCall): Promise<Output>;

  /**
   * Comes back as soon as there is output after the position, or the attempt is
   * no longer of the kind that was seen, or the time is over: `timeout`. It never
   * waits for an attempt of which nothing more can come.
   */
  wait(
    key: AttemptKey,
    seen: { readonly position: string; readonly kind: AttemptSight['kind'] },
    bounds: { readonly timeoutMs: number },
    call?: RunnerCall,
  ): Promise<'changed' | 'timeout'>;

  /**
   * Asks the program to end: SIGTERM now, SIGKILL of everything after the grace.
   * Does not wait for the end: `look` tells it, with `stopped` in its verdict. A
   * later call may shorten the grace, never lengthen it. Nothing is left to do
   * for an attempt that has ended or is absent.
   */
  stop(key: AttemptKey, bounds: { readonly graceMs: number }, call?: RunnerCall): Promise<void>;

  /**
   * Gives what the program left in `$FORGE_ARTIFACTS`, within `artifactLimits` of domain/artifact.ts,
   * sorted by path: each regular file to keep, and each entry that is not kept,
   * with the reason. Asked again it gives the same. Only for an attempt that has
   * `ended`, of a runner that collects by reading; any other gives nothing.
   */
  artifacts(key: AttemptKey, call?: RunnerCall): AsyncIterable<ArtifactEntry>;

  /**
   * Ends whatever runs and removes every trace of the attempt: processes, files,
   * limits, output. Done twice it is done. After it the attempt is `absent`.
   */
  remove(key: AttemptKey, call?: RunnerCall): Promise<void>;

  /**
   * Tells what holds an attempt, read from what is there and not from what was
   * asked for. Undefined while nothing is there that could tell.
   */
  security(key: AttemptKey, call?: RunnerCall): Promise<SecurityProfile | undefined>;

  /** Every attempt of which something is here, for the sweep that finds orphans. */
  list(
    call?: RunnerCall,
  ): Promise<readonly { readonly key: AttemptKey; readonly createdAt: Date }[]>;
}

/** One try to run a job. */
export interface AttemptKey {
  readonly jobId: string;
  readonly attempt: number;
}

export interface RunnerCall {
  /** Gives the call up. What it asked for may have happened. */
  readonly signal?: AbortSignal | undefined;
}

export interface StartOrder extends Pick<
  JobSpec,
  'template' | 'source' | 'args' | 'env' | 'timeoutSeconds' | 'cpuMillicores' | 'memoryMib'
> {
  readonly key: AttemptKey;
  /** Whose program it is: a runner may keep tenants apart. */
  readonly tenantId: string;
  /** Good for one upload of what the program leaves, where that is how it is collected. */
  readonly uploadToken?: string | undefined;
  /** What may differ from `defaultLimits`. */
  readonly limits?: Partial<AttemptLimits> | undefined;
}

/** What an attempt may use, beside the time, CPU and memory that its spec asks for. */
export interface AttemptLimits {
  readonly processesMax: number;
  readonly openFilesMax: number;
  /** Working folder, artifacts and temporary files together. */
  readonly diskBytesMax: number;
  readonly outputBytesMax: number;
  /** Between SIGTERM and SIGKILL when the time is over. */
  readonly graceMs: number;
}

export const defaultLimits: AttemptLimits = {
  processesMax: 256,
  openFilesMax: 1_024,
  diskBytesMax: 256 * 1_024 * 1_024,
  outputBytesMax: 50 * 1_024 * 1_024,
  graceMs: 5_000,
};

export type StartAnswer = { readonly kind: 'started' } | StartPostponed | StartRefusal;

/** There is no room for it now, and nothing of it ran: the same may be asked for again, later. */
export interface StartPostponed {
  readonly kind: 'postponed';
  /** For people: what is in use. */
  readonly message: string;
}

/** Nothing of the program ran. */
export interface StartRefusal {
  readonly kind: 'refused';
  readonly reason: Extract<
    JobReasonCode,
    'TEMPLATE_UNAVAILABLE' | 'RUNNER_UNAVAILABLE' | 'START_FAILED'
  >;
  /** For operators: it may name things of the machine. */
  readonly message: string;
}

/** Where an attempt stands. */
export type AttemptSight =
  /** Nothing is known of it here: never started, or removed. */
  | { readonly kind: 'absent' }
  /** Nothing of the program has run yet. `pulling` while its image is on the way. */
  | { readonly kind: 'starting'; readonly pulling: boolean; readonly held?: StartHeld | undefined }
  | { readonly kind: 'running'; readonly startedAt: Date; readonly usage: AttemptUsage }
  | {
      readonly kind: 'ended';
      readonly verdict: Verdict;
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly usage: AttemptUsage;
      /** Somebody is still there to upload what it left. */
      readonly uploading?: boolean;
    }
  /** It was accepted, but could not be started. */
  | StartRefusal
  /** It ran, and then what watched over it was gone. Nothing of it runs any more. */
  | {
      readonly kind: 'lost';
      readonly startedAt: Date;
      readonly lastSeenAt: Date;
      readonly usage: AttemptUsage;
      readonly message: string;
    };

/** What keeps an attempt that is here from starting, beside itself. */
export interface StartHeld {
  /** `QUEUE`: somebody else says when it starts. `ROOM`: what it needs is in use. */
  readonly by: 'QUEUE' | 'ROOM';
  /** For people. */
  readonly message: string;
}

/** How a program ended. Either it gave an exit code, or a signal ended it. */
export interface Verdict {
  readonly exitCode: number | null;
  /** `SIGKILL`, `SIGSEGV`, … */
  readonly signal: string | null;
  /** It was ended because its time was over. */
  readonly timedOut: boolean;
  /** Its memory was used up, in it or in a process that it started: by the counter, not the code. */
  readonly oomKilled: boolean;
  /** It was ended because it printed too much. */
  readonly outputLimit: boolean;
  /** It filled its disk. */
  readonly diskLimit: boolean;
  /** It was ended by `stop`. */
  readonly stopped: boolean;
}

export interface AttemptUsage {
  readonly at: Date;
  /** From the program's start to its end, or until now. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
}

/** The position before the first output. Any other comes from a `read`. */
export const outputStart = '';

/** The longest text of one line. What is longer comes as several, `truncated` but the last. */
export const lineBytesMax = 16 * 1_024;

export interface ReadBounds {
  /** At least one line is given if there is one. */
  readonly bytesMax: number;
  readonly linesMax: number;
}

export interface Output {
  readonly lines: readonly OutputLine[];
  /** Output that was dropped after these lines. A later read goes on behind it. */
  readonly gap?: OutputGap | undefined;
  /** Where the next read goes on. */
  readonly position: string;
  /** There is more to read at once. */
  readonly more: boolean;
  /** All there will ever be has been read. */
  readonly ended: boolean;
}

export interface OutputLine {
  readonly stream: 'stdout' | 'stderr';
  /** When it was written, as well as the runner knows. */
  readonly at: Date;
  /** Without its line feed; well-formed, without NUL: what is not becomes U+FFFD. */
  readonly text: string;
  /** The line goes on in the next one of its stream. */
  readonly truncated: boolean;
}

export interface OutputGap {
  readonly at: Date;
  /** How much is missing, where that is known. */
  readonly bytes: number | null;
  readonly why: 'OUTPUT_LIMIT' | 'LOST';
}

export type ArtifactEntry = ArtifactFile | ArtifactRefusal;

export interface ArtifactFile {
  readonly kind: 'file';
  /** Relative, with `/`, without `.` and `..`. */
  readonly path: string;
  readonly bytes: number;
  readonly mediaType: string;
  /** Exactly `bytes` bytes, anew each time. To be read, or left, before the next entry is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface ArtifactRefusal {
  readonly kind: 'refused';
  /** As far as it can be told: what cannot be shown is replaced by U+FFFD. */
  readonly path: string;
  readonly why: RefusalWhy;
  readonly message: string;
}

export type RunnerCheck =
  | {
      readonly kind: 'ready';
      /** The templates whose interpreter is installed. */
      readonly templates: readonly TemplateId[];
      /** What is enforced and by what, a sentence each. */
      readonly enforced: readonly string[];
      /** What is enforced less strictly than elsewhere, and what would change that. */
      readonly weaker: readonly string[];
    }
  /** Nothing can be isolated here. The message says what to install or to enable. */
  | { readonly kind: 'unavailable'; readonly message: string };
